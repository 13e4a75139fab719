// The programs that the cases run against: options of `startLedger`, by name. What is not said is the default of the
// test ledger (full e-mails, names kept, no fraud rule, 30 % of every sale approved at once, nothing for a lead).

const saleIncentive = (percent, more = {}) => ({ trigger: 'sale', kind: 'percentage', percent, apply_to: 'all_plans', approval: 'automatic', ...more });
const leadIncentive = (amountMinor) => ({ trigger: 'lead', kind: 'fixed', amount_minor: amountMinor, apply_to: 'all_plans', approval: 'automatic' });
const forProducts = (...ids) => ({ apply_to: 'specific_products', product_ids: ids });

export const settings = {
  standard: {},

  maskedEmail: { program: { email_policy: 'masked' } },

  untracked: { program: { email_policy: 'off', name_tracking: 0 } },

  paysPerLead: { incentives: [saleIncentive('30'), leadIncentive(500)] },

  overridesLeadPay: { incentives: [saleIncentive('30'), leadIncentive(500)], override: [leadIncentive(700)] },

  blocksSelfReferral: { program: { self_referral_mode: 'block' }, incentives: [saleIncentive('30'), leadIncentive(500)] },

  // One incentive for each way in which a sale can be matched and approved, each with a rate or term of its own.
  manyIncentives: {
    incentives: [
      saleIncentive('30'),
      saleIncentive('10', { apply_to: 'monthly_plans' }),
      saleIncentive('20', { apply_to: 'yearly_plans' }),
      saleIncentive('50', forProducts('prod_pro')),
      saleIncentive('40', forProducts('price_gold')),
      saleIncentive('30', { ...forProducts('prod_held'), approval: 'hold_period', hold_days: 30 }),
      saleIncentive('30', { ...forProducts('prod_reviewed'), approval: 'manual' }),
    ],
  },

  paysForOneProductOnly: { incentives: [saleIncentive('30', forProducts('prod_pro'))] },

  limited: { limit: { perMinute: 6, perSecond: 1_000 } },

  // A ledger that sees nothing but test events, so that its production tables must stay empty.
  testEventsOnly: {},
};
