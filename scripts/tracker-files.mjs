// What the Worker serves of the tracker: writes tracker/dist/integrity.json, the hashes for a tag's `integrity`, and
// tracker/dist/files.rs, a table of name, bytes and how long a browser may keep them. Files of a release
// (tracker/releases/NAME/) are served for good: a tag that names one, with its hash, outlives every upgrade.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const tracker = join(import.meta.dirname, '../tracker');
const dist = join(tracker, 'dist');
const releases = join(tracker, 'releases');
const LASTING = /\.[0-9a-f]{6}\.js$/;

const scripts = (folder) => readdirSync(folder).filter((name) => name.endsWith('.js'));
const integrityOf = (path) => `sha384-${createHash('sha384').update(readFileSync(path)).digest('base64')}`;

const files = new Map(scripts(dist).map((name) => [name, join(dist, name)]));
const released = existsSync(releases) ? readdirSync(releases, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
for (const { name: release } of released) {
  for (const name of scripts(join(releases, release))) files.set(name, join(releases, release, name));
}

const lasting = [...files.keys()].filter((name) => LASTING.test(name)).sort();
const integrity = Object.fromEntries(lasting.map((name) => [name, integrityOf(files.get(name))]));
const latest = lasting.find((name) => name.startsWith('tracker.') && files.get(name).startsWith(dist));
writeFileSync(join(dist, 'integrity.json'), `${JSON.stringify({ latest, integrity }, null, 2)}\n`);

const row = (name, path, kept) =>
  `    (${JSON.stringify(name)}, include_bytes!(${JSON.stringify(relative(dist, path))}).as_slice(), Kept::${kept}),`;
const rows = [
  row('tracker.js', join(dist, 'tracker.js'), 'Briefly'),
  row('integrity.json', join(dist, 'integrity.json'), 'Briefly'),
  ...lasting.map((name) => row(name, files.get(name), 'ForGood')),
];
writeFileSync(join(dist, 'files.rs'), `&[\n${rows.join('\n')}\n]\n`);
