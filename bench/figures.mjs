// What a benchmark's figures come to: medians over rounds, ratios within a round, and whether they reach their targets.

/**
 * What is compared (the design's table of figures): a call of the product with calls of the bare Worker, and the least
 * share of their requests per second that it should reach; where that depends on the place of the state, by place.
 * `rows` says whether what a call writes is within its target.
 */
export const contests = [
  {
    call: "click",
    against: [
      { call: "append", target: 0.75 },
      { call: "insert", target: 1.2 },
    ],
    rows: ({ object }) => object < 3, // 2 and its share of the counts
  },
  { call: "signup", against: [{ call: "signup", target: { tmpfs: 0.6, disk: 0.5 } }] },
  {
    call: "conversion",
    against: [{ call: "conversion", target: { tmpfs: 0.6, disk: 0.5 } }],
    rows: ({ object, d1 }) => object <= 2 && d1 <= 10,
  },
  { call: "repeat", against: [{ call: "read", target: 0.8 }] },
  { against: [{ call: "empty" }] }, // the floor under everything
];

/** Milliseconds. */
export const COLD_START_TARGET = 50;

export function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Of several rounds of one call: medians, and the sum of their errors. */
export function overRounds(rounds) {
  const of = (name) => median(rounds.map((round) => round[name]));
  const errors = rounds.reduce((sum, round) => sum + round.errors, 0);
  return { rate: of("rate"), p50: of("p50"), p99: of("p99"), cpu: of("cpu"), errors };
}

/** The share of the bare Worker's rate that the product reached, round by round: the machine's mood cancels out. */
export function ratio(product, bare) {
  const ratios = product.map(({ rate }, round) => rate / bare[round].rate);
  return { middle: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}
