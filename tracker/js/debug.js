/**
 * The core with every call and its result in the console; what the decisions were, the crate's debug build says itself.
 * core.js loads it where the tag asks for it by data-debug="true".
 */
import { send as sendSilently } from './core.js';

const say = (...what) => console.info('[tracker]', ...what);

export const send = async (site, entry) => {
  if (!entry) say('loaded', { ...site }, 'known click:', site.getClickId_() || 'none');
  else say('asked to send', entry);
  const result = await sendSilently(site, entry);
  if (entry) say('came to', result, 'for', entry);
  return result;
};
