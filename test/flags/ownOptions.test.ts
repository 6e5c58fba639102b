import { describe, expect, test } from "vitest";
import { flagBackends } from "../../src/flags/index.ts";
import { diagnosticsOf, shortly } from "../plan/fakes.ts";

/** What is said, offline, of plans whose flag is a service or a program of the team's own. */

const httpLines = `
    type: http
    bearer: "\${env:FLAGS_TOKEN}"
    read:
      url: https://flags.internal/api/flags/{{key}}
      percentage: $.rollout.percentage
      revision: $.version
    write:
      method: PUT
      url: https://flags.internal/api/flags/{{key}}
      headers: { If-Match: '"{{revision}}"' }
      body: { rollout: { percentage: "{{percentage}}" }, version: "{{revision}}" }
      conflict: [409, 412]`;

const commandLines = `
    type: command
    command: [./flag.sh, --env, prod]
    env: { TOKEN: "\${env:FLAGS_TOKEN}", REGION: eu }`;

function plan(backend: string, more: { stages?: string; rest?: string } = {}): string {
  return `version: 1
rollout: checkout
flag:
  backend:${backend}
${more.rest ?? ""}stages: ${more.stages ?? "[1%, 5%, 100%]"}
`;
}

/** The errors of a plan, without the place and without what is said of missing guardrails. */
async function errorsOf(text: string): Promise<string[]> {
  const diagnostics = await diagnosticsOf(text, { catalog: { flags: flagBackends, sources: {} } });
  return diagnostics.filter(({ severity }) => severity === "error").map((each) => shortly(each).replace(/^\d+:\d+ /, ""));
}

const replaced = (lines: string, from: string, to: string) => {
  expect(lines).toContain(from);
  return plan(lines.replace(from, to));
};

test.each([
  ["http", httpLines],
  ["command", commandLines],
])("a good plan of %s has no mistake", async (_, lines) => {
  expect(await errorsOf(plan(lines))).toEqual([]);
});

describe("a mistake in a plan of a flag service has its place and its mend:", () => {
  test.each<[string, string, string, string]>([
    [
      "a misspelt placeholder in a body",
      '"{{percentage}}" }, v',
      '"{{percentge}}" }, v',
      "there is no placeholder {{percentge}} → did you mean {{percentage}}?",
    ],
    [
      "a placeholder that there is not",
      "https://flags.internal/api/flags/{{key}}\n      percentage",
      "https://flags.internal/{{tenant}}\n      percentage",
      "there is no placeholder {{tenant}} → there are {{key}}",
    ],
    [
      "one that is not known yet",
      "https://flags.internal/api/flags/{{key}}\n      percentage",
      "https://flags.internal/{{revision}}\n      percentage",
      "{{revision}} cannot stand here → write one of {{key}}",
    ],
    [
      "a note in a header",
      `'"{{revision}}"'`,
      `"{{reason}}"`,
      "{{reason}} cannot stand here → write one of {{key}}, {{percentage}}, {{revision}}",
    ],
    [
      "a placeholder that is not closed",
      '"{{percentage}}" }, v',
      '"{{percentage" }, v',
      "a placeholder is not closed → write {{key}}, with two braces on each side",
    ],
    [
      "a placeholder for the host",
      "url: https://flags.internal/api/flags/{{key}}\n      headers",
      "url: https://{{key}}.internal/\n      headers",
      "a placeholder cannot stand for a part of the host → write the host out",
    ],
    [
      "a password in the address",
      "url: https://flags.internal/api/flags/{{key}}\n      headers",
      "url: https://a:b@flags.internal/{{key}}\n      headers",
      "a user or a password does not belong in an address → use bearer, or username and password",
    ],
    [
      "a path without its beginning",
      "$.rollout.percentage",
      "rollout.percentage",
      "a JSONPath begins with $, the whole answer → write one such as $.rollout.percentage",
    ],
    [
      "a path that cannot be read",
      "$.rollout.percentage",
      "$.rollout..[percentage",
      "this is no JSONPath, it cannot be read from `percentage` on → write one such as",
    ],
    ["a path that ends too early", "$.rollout.percentage", '"$.rollout["', "this is no JSONPath, its end is missing → write one such as"],
    [
      "a revision that nobody reads",
      "      revision: $.version\n",
      "",
      "{{revision}} is not known, since `read.revision` is missing → say where the answer has it",
    ],
    [
      "a revision of what is absent",
      "      revision: $.version\n",
      "      revision: $.version\n      absent: 404\n",
      "a flag that is absent has no {{revision}} to write with → remove `absent`",
    ],
    [
      "a write that says no number",
      '{ rollout: { percentage: "{{percentage}}" }, version: "{{revision}}" }',
      '{ version: "{{revision}}" }',
      "the write does not say {{percentage}} → put it where the service expects the number",
    ],
    [
      "a body that is no JSON",
      '{ rollout: { percentage: "{{percentage}}" }, version: "{{revision}}" }',
      "percentage={{percentage}}",
      "the body is not JSON once it is filled in → write it as keys and values",
    ],
    [
      "a body whose text has no quotes",
      '{ rollout: { percentage: "{{percentage}}" }, version: "{{revision}}" }',
      `'{"key":{{key}},"percentage":{{percentage}}}'`,
      "the body is not JSON once it is filled in → write it as keys and values",
    ],
    ["a secret in a body", 'version: "{{revision}}"', 'version: "${env:TOKEN}"', "this field takes no reference to a secret"],
    ["a token that is none", '"${env:FLAGS_TOKEN}"', "abc123", "`bearer` is a secret"],
    ["a status that is success", "[409, 412]", "200", "expected a number of at least 400"],
    ["a method that changes nothing", "method: PUT", "method: GET", "expected PUT, POST or PATCH"],
    ["a key that there is not", "conflict:", "conflicts:", "`conflicts` is not a key here → did you mean `conflict`?"],
    ["a step that is no percentage", "    write:", "    granularity: 3%\n    write:", "expected a step that divides 100%"],
  ])("%s", async (_, from, to, message) => {
    const errors = await errorsOf(replaced(httpLines, from, to));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
  });

  test("several at once, each where it stands", async () => {
    const text = replaced(httpLines, '"{{percentage}}" }, version: "{{revision}}"', '"{{percentge}}" }, version: "{{revison}}"');
    const places = (await diagnosticsOf(text, { catalog: { flags: flagBackends, sources: {} } }))
      .filter(({ severity }) => severity === "error")
      .map(({ path, text: offending }) => `${path} ${offending}`);
    expect(places).toEqual(['flag.backend.write.body.rollout.percentage "{{percentge}}"', 'flag.backend.write.body.version "{{revison}}"']);
  });
});

describe("a mistake in a plan of a program:", () => {
  test.each<[string, string, string, string]>([
    [
      "a text for the shell",
      "[./flag.sh, --env, prod]",
      "./flag.sh --env prod",
      "a command is a list, the program and its arguments, since there is no shell → write [./flag.sh, --env, prod]",
    ],
    [
      "a secret among the arguments",
      "[./flag.sh, --env, prod]",
      '[./flag.sh, "${env:TOKEN}"]',
      "this field takes no reference to a secret",
    ],
    [
      "a secret within an argument",
      "[./flag.sh, --env, prod]",
      '[./flag.sh, "--token=${env:TOKEN}"]',
      "this field takes no reference to a secret",
    ],
    ["nothing to run", "[./flag.sh, --env, prod]", "[]", "expected a list that is not empty"],
    ["a variable that cannot be one", "REGION: eu", "my-region: eu", "not a name of a variable"],
    [
      "a reference within a variable",
      "REGION: eu",
      'REGION: "eu-${env:ZONE}"',
      "a reference to a secret is the whole value of a variable, or none of it",
    ],
    ["something that it cannot say", "env:", "expresses: [percentage, segmnts]\n    env:", "→ did you mean `segments`?"],
  ])("%s", async (_, from, to, message) => {
    const errors = await errorsOf(replaced(commandLines, from, to));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
  });
});

const audience = `audience:
  eligible: { attribute: plan, notIn: [trial] }
  exclude: [frozen]
  testers: [qa]
  holdout: 5%
  segments:
    frozen: { attribute: plan, equals: legacy }
    qa: { attribute: email, endsWith: "@qa.example.com" }
    staff: { attribute: email, endsWith: "@example.com" }
`;

describe("what a percentage alone cannot say is refused by name, offline:", () => {
  test.each([
    ["http", httpLines],
    ["command", commandLines],
  ])("by %s", async (name, lines) => {
    const errors = await errorsOf(plan(`${lines}\n  unit: { attribute: userId }`, { rest: audience }));
    expect(errors).toEqual([
      `a flag by ${name} cannot say who is in the segments \`frozen\`, \`qa\`, \`staff\` → remove \`audience.segments\``,
      `a flag by ${name} cannot say that \`qa\` are testers → remove \`audience.testers\``,
      `a flag by ${name} cannot say who is eligible → remove \`audience.eligible\`, and let the service that serves the flag see to it`,
      `a flag by ${name} cannot say that \`frozen\` are excluded → remove \`audience.exclude\``,
      `a flag by ${name} cannot say who is held out → remove \`audience.holdout\``,
      `a flag by ${name} cannot say that \`userId\` is what is bucketed → remove \`flag.unit\`: the service buckets by what it always does`,
    ]);
  });

  test("not by a program that says it can", async () => {
    const everything = `${commandLines}\n    expresses: [percentage, segments, testers, eligible, exclude, holdout, unit]\n  unit: { attribute: userId }`;
    expect(await errorsOf(plan(everything, { rest: audience, stages: "[{ expose: { segments: [staff] } }, 5%, 100%]" }))).toEqual([]);
  });

  test("testers of a program that knows testers, but no other segments", async () => {
    const errors = await errorsOf(plan(`${commandLines}\n    expresses: [percentage, testers]`, { rest: audience }));
    expect(errors[0]).toContain("who is in the segments `frozen`, `staff`");
    expect(errors).toHaveLength(4);
  });
});

describe("a share that is finer than the service's step is refused offline:", () => {
  test.each([
    ["http", httpLines, "[0.5%, 100%]", "http serves shares in steps of 1%, and 0.5% is finer → write 1%"],
    [
      "http",
      `${httpLines}\n    granularity: 0.5%`,
      "[0.25%, 100%]",
      "http serves shares in steps of 0.5%, and 0.25% is finer → write 0.5%",
    ],
    ["command", commandLines, "[0.5%, 100%]", "command serves shares in steps of 1%, and 0.5% is finer → write 1%"],
  ])("by %s", async (_, lines, stages, message) => {
    expect(await errorsOf(plan(lines, { stages }))).toEqual([message]);
  });

  test("and one that is not is fine", async () => {
    expect(await errorsOf(plan(`${httpLines}\n    granularity: 0.1%`, { stages: "[0.1%, 100%]" }))).toEqual([]);
  });
});
