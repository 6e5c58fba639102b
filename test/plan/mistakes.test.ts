import { describe, expect, test } from "vitest";
import { diagnosticsOf, read, shortly, withLine } from "./fakes.ts";

/** A line of the good plan, what stands there instead, and all that is said of it. */
type Row = [mistake: string, line: string, replacement: string, ...said: string[]];

const BACKEND = "  backend: { type: fine, file: flags.json }";
const HOLDOUT = "  holdout: 5%";
const STAFF = '    staff: { attribute: email, endsWith: "@example.com" }';
const RING = "    ring: { attribute: tenant, inFile: ring.txt }";
const EVENTS = `    events: { counter: 'errors{group="{{group}}"}' }`;
const GUARD = "  - { metric: errors, max: 0.1% }";
const HALF = "  - { name: half, expose: 50%, bake: 1h }";

const rows: Row[] = [
  [
    "another version",
    "version: 1",
    "version: 2",
    "1:10 expected 1, the only version of the plan language, found the number 2 → write `version: 1`",
  ],
  ["a misspelt key", "version: 1", "version: 1\nguardrials: []", "2:1 `guardrials` is not a key here → did you mean `guardrails`?"],
  [
    "a key of a later issue",
    "version: 1",
    "version: 1\nextends: base.yaml",
    "2:1 `extends` is not a key here → the keys here are: version, rollout, owner,",
  ],
  [
    "a name with blanks",
    "rollout: new-checkout",
    "rollout: New Checkout",
    "2:10 expected a name of lower case letters, digits and dashes (at most 63) → write new-checkout",
  ],
  [
    "a name that every object knows",
    "rollout: new-checkout",
    "rollout: constructor",
    "2:10 expected a name of lower case letters, digits and dashes (at most 63) → choose another name, such as new-checkout",
  ],
  [
    "a number for a name",
    "rollout: new-checkout",
    "rollout: 12",
    '2:10 expected a name of lower case letters, digits and dashes (at most 63), found the number 12 → put it in quotes: "12"',
  ],
  ["a missing key", "rollout: new-checkout", "", "1:1 the key `rollout` is missing → add `rollout: …`"],
  [
    "a number for words",
    "version: 1",
    "version: 1\nowner: 007x\nhypothesis: 5",
    '3:13 expected text, found the number 5 → put it in quotes: "5"',
  ],
  [
    "nothing where words belong",
    "version: 1",
    "version: 1\nowner:",
    "2:7 expected text, found nothing → give it a value, or remove the line",
  ],
  ["text where a list belongs", "version: 1", "version: 1\nrisks: slow", "2:8 expected a list, found text → write a list: [a, b]"],
  [
    "an unknown backend",
    BACKEND,
    "  backend: { type: fin, file: flags.json }",
    "4:20 `fin` is none of the flag backends that there are → did you mean `fine`?",
  ],
  [
    "a backend like what objects have",
    BACKEND,
    "  backend: { type: toString }",
    "4:20 `toString` is none of the flag backends that there are → the flag backends are: coarse, fine",
  ],
  ["a misspelt option", BACKEND, "  backend: { type: fine, flie: flags.json }", "4:26 `flie` is not a key here → did you mean `file`?"],
  ["a missing option", BACKEND, "  backend: { type: fine }", "4:3 the key `file` is missing → add `file: …`"],
  [
    "the same variant twice",
    BACKEND,
    `${BACKEND}\n  treatment: on\n  control: on`,
    "5:14 treatment and control are the same variant, `on` → name two variants",
  ],
  [
    "a treatment like the control's default",
    BACKEND,
    `${BACKEND}\n  treatment: off`,
    "5:14 treatment and control are the same variant, `off` → name two variants",
  ],
  [
    "a variant named like one of our own",
    BACKEND,
    `${BACKEND}\n  treatment: off-rest`,
    "5:14 `off-rest` is also the name of the variant that users outside the comparison are served → name the variants otherwise",
  ],
  [
    "a control named like a segment's variant",
    BACKEND,
    `${BACKEND}\n  control: on-staff`,
    "5:12 `on-staff` is also the name of the variant",
  ],
  [
    "a segment named like the testers' variant",
    RING,
    `${RING}\n    tester: { attribute: a, equals: b }`,
    "10:5 the segment `tester` would be served the variant `on-tester`, as others are already → name the segment otherwise",
  ],
  [
    "a bare number for a duration",
    BACKEND,
    `${BACKEND}\n  writeWithin: 30`,
    "5:16 expected a duration above zero with its unit, such as 30s or 5m, found the number 30 → write it with its unit: 30s, 30m, 30h",
  ],
  [
    "a bare number in quotes",
    BACKEND,
    `${BACKEND}\n  propagation: "30"`,
    "5:16 expected a duration with its unit, such as 30s, 5m or 1h30m → write it with its unit: 30s, 30m, 30h",
  ],
  ["a deadline of nothing", BACKEND, `${BACKEND}\n  writeWithin: 0s`, "5:16 expected a duration above zero"],
  [
    "a bare number for a percentage",
    HOLDOUT,
    "  holdout: 5",
    "6:12 expected a percentage from 0% to below 100%, in steps of 0.001%, found the number 5 → write it with its unit: 5%",
  ],
  ["a holdout of everybody", HOLDOUT, "  holdout: 100%", "6:12 expected a percentage from 0% to below 100%"],
  [
    "traffic without a unit",
    HOLDOUT,
    "  traffic: 6000",
    "6:12 expected requests with their unit, such as 6000/min, found the number 6000 → write it with its unit: 6000/s, 6000/min, 6000/h",
  ],
  [
    "traffic per day",
    HOLDOUT,
    "  traffic: 6000/day",
    "6:12 expected requests with their unit, such as 6000/min → write a number with /s, /min or /h: 6000/min",
  ],
  [
    "half a user",
    HOLDOUT,
    "  units: 1.5",
    "6:10 expected a whole number above zero, found the number 1.5 → write how many there are, in digits: 50000",
  ],
  [
    "units as text",
    HOLDOUT,
    "  units: 50_000",
    "6:10 expected a whole number above zero, found text → write how many there are, in digits: 50000",
  ],
  ["an unknown segment", HOLDOUT, "  exclude: [stuff]", "6:13 `stuff` is none of the segments of this plan → did you mean `staff`?"],
  [
    "an unknown tester",
    HOLDOUT,
    "  testers: [staff, qa]",
    "6:20 `qa` is none of the segments of this plan → the segments are: staff, ring",
  ],
  ["a misspelt rule", STAFF, "    staff: { attribute: email, endWith: a }", "8:32 `endWith` is not a key here → did you mean `endsWith`?"],
  [
    "two rules in one",
    STAFF,
    "    staff: { attribute: email, endsWith: a, contains: b }",
    "8:45 `endsWith` and `contains` exclude each other → keep one of them",
  ],
  [
    "no rule",
    STAFF,
    "    staff: { attribute: email }",
    "8:5 one of the keys `in`, `notIn`, `equals`, `startsWith`, `endsWith`, `contains`, `above`, `below`, `semver` or `inFile` is missing → add the one that is meant",
  ],
  ["a rule without attribute", STAFF, "    staff: { endsWith: a }", "8:5 the key `attribute` is missing → add `attribute: …`"],
  [
    "a rule about nobody",
    STAFF,
    "    staff: { attribute: email, in: [] }",
    "8:36 expected a list that is not empty, found an empty list → write a list that is not empty",
  ],
  ["a number as text", STAFF, '    staff: { attribute: age, above: "30" }', "8:37 expected a number, found text → remove the quotes: 30"],
  [
    "a range of versions that not all know",
    STAFF,
    '    staff: { attribute: v, semver: "^7.4.0" }',
    "8:36 expected comparators of versions separated by spaces",
  ],
  [
    "a nested mistake",
    STAFF,
    "    staff: { all: [{ not: { attribute: a, equal: b } }] }",
    "8:43 `equal` is not a key here → did you mean `equals`?",
  ],
  [
    "a name in upper case",
    STAFF,
    '    Staff: { attribute: email, endsWith: "@example.com" }',
    "8:5 expected a name of lower case letters, digits and dashes (at most 63) → write staff",
  ],
  [
    "a file that is not there",
    RING,
    "    ring: { attribute: tenant, inFile: rnig.txt }",
    "9:40 there is no such file → create it, or mend its path",
  ],
  ["an unknown source", "    source: prod", "    source: prd", "14:13 `prd` is none of the sources of this plan → did you mean `prod`?"],
  ["another kind", "    kind: rate", "    kind: raet", "15:11 expected rate, mean, histogram or gauge → did you mean `rate`?"],
  [
    "a misspelt query",
    EVENTS,
    `    events: { conter: 'errors{group="{{group}}"}' }`,
    "16:15 `conter` is not a key here → did you mean `counter`?",
  ],
  [
    "a query that is text",
    EVENTS,
    `    events: 'errors{group="{{group}}"}'`,
    "16:13 expected a map of keys and values, found text → write keys and values: { key: value }",
  ],
  [
    "a query without a group",
    EVENTS,
    "    events: { counter: errors }",
    "16:5 this query asks for both groups at once: {{group}} is missing → write {{group}} where the query names the variant, or say `groups: none`",
  ],
  [
    "a group with blanks",
    EVENTS,
    `    events: { counter: 'errors{group="{{ group }}"}' }`,
    "16:5 `{{ group }}` is not filled in → write {{group}}, exactly so",
  ],
  [
    "a group in a metric without",
    EVENTS,
    `    groups: none\n${EVENTS}`,
    "17:5 a metric with `groups: none` cannot ask for a group",
    "18:5 a metric with `groups: none` cannot ask for a group",
  ],
  [
    "labels without groups",
    "  site: { source: prod, kind: rate, groups: none, events: { counter: errors }, total: { counter: requests } }",
    "  site: { source: prod, kind: rate, groups: none, labels: { treatment: a, control: b }, events: { counter: errors }, total: { counter: requests } }",
    "18:51 a metric with `groups: none` has no labels → remove `labels`",
  ],
  [
    "one label for both groups",
    EVENTS,
    `    labels: { treatment: a, control: a }\n${EVENTS}`,
    "16:38 both groups have the same label → write the two values that {{group}} stands for",
  ],
  [
    "an unknown metric",
    GUARD,
    "  - { metric: erors, max: 0.1% }",
    "20:15 `erors` is none of the metrics of this plan → did you mean `errors`?",
  ],
  [
    "a bare limit",
    GUARD,
    "  - { metric: errors, max: 0.1 }",
    "20:28 expected a percentage above 0% and below 100%, found the number 0.1 → write it with its unit: 0.1%",
  ],
  [
    "a limit that always holds",
    GUARD,
    "  - { metric: errors, max: 100% }",
    "20:28 expected a percentage above 0% and below 100% → write a percentage: 0.5%, 5% or 99.9%",
  ],
  [
    "a fall below nothing",
    GUARD,
    "  - { metric: errors, maxDecrease: 100% }",
    "20:36 expected a change against the control, such as 20% (of its rate, below 100%) or 0.05pp (points, below 100pp)",
  ],
  ["two limits", GUARD, "  - { metric: errors, max: 0.1%, min: 3% }", "20:34 `max` and `min` exclude each other → keep one of them"],
  [
    "no limit",
    GUARD,
    "  - { metric: errors }",
    "20:5 one of the keys `max`, `min`, `maxIncrease`, `maxDecrease` or `maxTrend` is missing → add the one that is meant",
  ],
  [
    "a relative limit without groups",
    GUARD,
    "  - { metric: site, maxIncrease: 20% }",
    "20:21 `site` has no groups, so there is no control to compare with → use `max` or `min`, compare with the past (`versus: { before: 24h }`), or give the metric's queries {{group}}",
  ],
  [
    "a guardrail twice",
    GUARD,
    `${GUARD}\n  - { metric: errors, max: 0.10%, onBreach: pause }`,
    "21:5 the guardrail `errors max 0.1%` comes twice → keep one of the two",
  ],
  [
    "an unknown stage",
    GUARD,
    "  - { metric: errors, max: 0.1%, stages: [haf] }",
    "20:43 `haf` is none of the stages of this plan → did you mean `half`?",
  ],
  [
    "an unknown action",
    GUARD,
    "  - { metric: errors, max: 0.1%, onBreach: rolback }",
    "20:44 expected rollback, pause or notify → did you mean `rollback`?",
  ],
  ["no budget", "  poll: 1m", "  falseRollback: 0%", "22:18 expected a percentage above 0% and below 100%"],
  [
    "a stage as a number",
    "  - 1%",
    "  - 1",
    "24:5 expected a percentage from 0% to 100%, in steps of 0.001%, found the number 1 → write it with its unit: 1%",
  ],
  ["a share over everybody", "  - 1%", "  - 101%", "24:5 expected a percentage from 0% to 100%"],
  ["a share finer than all", "  - 1%", "  - 0.0001%", "24:5 expected a percentage from 0% to 100%"],
  ["a stage without exposure", HALF, "  - { name: half, bake: 1h }", "25:5 the key `expose` is missing → add `expose: …`"],
  ["an exposure of nothing", HALF, "  - { name: half, expose: {} }", "25:27 an exposure needs `segments`, `percent` or both → change it"],
  [
    "an exposed segment that is not",
    HALF,
    "  - { name: half, expose: { segments: [stff] } }",
    "25:40 `stff` is none of the segments of this plan → did you mean `staff`?",
  ],
  ["a stage of nobody", "  - 1%", "  - 0%", "24:5 this stage exposes nobody → remove it, or name `audience.testers`"],
  [
    "a stage of nobody new",
    HALF,
    "  - { expose: 0.5% }",
    "25:15 this stage exposes nobody new: who is in stays in, and 1% is in before it → order the stages",
  ],
  ["a segment within everybody", HALF, "  - { expose: { segments: [staff], percent: 1% } }", "25:15 this stage exposes nobody new"],
  [
    "two stages of one name",
    HALF,
    `${HALF}\n  - { name: half, expose: 60% }`,
    "26:13 stage 2 is called `half` as well → give each stage a name of its own",
  ],
  [
    "a bare bake",
    HALF,
    "  - { name: half, expose: 50%, bake: 60 }",
    "25:38 expected a duration with its unit, such as 30s, 5m or 1h30m, found the number 60",
  ],
  [
    "samples that are not whole",
    HALF,
    "  - { name: half, expose: 50%, minSamples: 0.5 }",
    "25:44 expected auto, or a whole number, found the number 0.5 → write auto, or how many treated requests to wait for, in digits: 1000",
  ],
];

describe("each mistake is shown once, where it stands, with what to do", () => {
  test.each(rows)("%s", async (_, line, replacement, ...said) => {
    const reading = await read(withLine(line, replacement));
    expect(reading.valid).toBe(false);
    const shown = (await diagnosticsOf(withLine(line, replacement))).map(shortly);
    expect(shown).toHaveLength(said.length);
    for (const [index, text] of said.entries()) expect(shown[index]).toContain(text);
  });
});
