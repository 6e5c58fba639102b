import { Option, type Command } from "commander";

/** Options of the commands that try a plan before it meets people, and what they say of them. */

const each = (text: string, before: string[] = []): string[] => [...before, text];

/** What is taken for granted of users and metrics. */
export function withAudience(command: Command): Command {
  return command
    .option("--traffic <requests>", "requests of everybody, such as 6000/min (default: the plan's audience.traffic)")
    .option("--units <number>", "how many users there are (default: the plan's audience.units)")
    .option("--base <metric=value>", "what a metric is without harm, such as errors=0.5% (default: half of its limit, or 1%)", each);
}

/** All that `rollout simulate` can be told. */
export function withSimulation(command: Command): Command {
  return withAudience(command)
    .option("--spread <metric=percent>", "how far values spread, or a gauge wavers", each)
    .option("--buckets <metric=bounds>", "the bounds of a histogram's buckets, such as latency=100ms,250ms,500ms", each)
    .option("--harm <metric=change>", "a harm to try, such as errors=x2 or latency=+50ms, or none (default: a range for each metric)", each)
    .option("--onset <duration>", "the harm begins so long after the first exposure")
    .addOption(new Option("--shape <shape>", "how the traffic comes in").choices(["steady", "daily", "bursts"]))
    .option("--overdispersion <cv>", "rates vary by themselves, by this coefficient of variation, such as 0.5")
    .option("--clusters <number>", "events come in clusters of this size")
    .option("--missing <percent>", "so many looks get no data")
    .option("--look <duration>", "the time from look to look (default: the plan's policy.poll)")
    .option("--runs <number>", "rollouts of each kind (default: 1000)")
    .option("--seed <number>", "another one gives other random numbers (default: 1)");
}

/** What `rollout backtest --help` says after its options. */
export const OBSERVATIONS_HELP = `
Observations are JSON objects, one a line, or CSV with the same keys as columns (objects and lists as JSON in a quoted cell):
  {"series":"r17","at":"2026-01-01T00:01:00Z","metric":"errors","group":"treatment","events":3,"total":60}
  {"series":"r17","at":"2026-01-01T00:01:00Z","metric":"errors","group":"control","events":21,"total":5940}
  at      the end of an interval; all lines of a series with one \`at\` are one look
  from    its beginning (default: where the metric's last one ended)
  group   treatment, control, or everyone for a metric without groups; \`segment\` names a whole segment instead
  numbers of the interval, never totals:
    rate       "events":3,"total":60
    mean       "count":60,"sum":1830.5,"sumSquares":60210.25
    histogram  "buckets":{"0.1":30,"+Inf":60}   cumulative, as Prometheus' are
    gauge      "value":412.5
  users   users who were met for the first time at this exposure
  status  noData or error, with \`reason\`: the look got nothing of this metric
  before  24h: what the metric was in the 24 hours before the run
Series are independent, and each begins in the plan's first stage. Each is sorted by time; they may be interleaved.
\`rollout log export\` writes such a file from a ledger.`;
