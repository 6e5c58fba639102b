import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import type { Actor } from "../model/entry.ts";

/** What CI systems say of a job in its environment. Nothing vouches for it: it is a claim. */

export type Environment = Readonly<Record<string, string | undefined>>;

interface CiSystem {
  name: string;
  /** The variable that is set in every job of this system. */
  sign: string;
  who?: string[];
  project?: string[];
  run?: string[];
  job?: string[];
  /** Whether the job belongs to a pull request whose code comes from somewhere else. */
  isFork(env: Environment): boolean;
}

const SYSTEMS: CiSystem[] = [
  {
    name: "GitHub Actions",
    sign: "GITHUB_ACTIONS",
    who: ["GITHUB_ACTOR"],
    project: ["GITHUB_REPOSITORY"],
    run: ["GITHUB_RUN_ID"],
    job: ["GITHUB_JOB"],
    isFork: isGithubFork,
  },
  {
    name: "GitLab CI",
    sign: "GITLAB_CI",
    who: ["GITLAB_USER_LOGIN"],
    project: ["CI_PROJECT_PATH"],
    run: ["CI_PIPELINE_ID"],
    job: ["CI_JOB_NAME"],
    isFork: (env) => differ(env["CI_MERGE_REQUEST_SOURCE_PROJECT_ID"], env["CI_MERGE_REQUEST_PROJECT_ID"]),
  },
  {
    name: "CircleCI",
    sign: "CIRCLECI",
    who: ["CIRCLE_USERNAME"],
    project: ["CIRCLE_PROJECT_REPONAME"],
    run: ["CIRCLE_WORKFLOW_ID"],
    job: ["CIRCLE_JOB"],
    // Set for pull requests from forks alone.
    isFork: (env) => isSet(env["CIRCLE_PR_NUMBER"]) || isSet(env["CIRCLE_PR_REPONAME"]) || isSet(env["CIRCLE_PR_USERNAME"]),
  },
  {
    name: "Buildkite",
    sign: "BUILDKITE",
    who: ["BUILDKITE_BUILD_CREATOR_EMAIL", "BUILDKITE_BUILD_CREATOR"],
    project: ["BUILDKITE_PIPELINE_SLUG"],
    run: ["BUILDKITE_BUILD_NUMBER"],
    job: ["BUILDKITE_LABEL", "BUILDKITE_STEP_KEY"],
    isFork: (env) =>
      isSet(env["BUILDKITE_PULL_REQUEST"]) &&
      env["BUILDKITE_PULL_REQUEST"] !== "false" &&
      differ(repositoryOf(env["BUILDKITE_PULL_REQUEST_REPO"]), repositoryOf(env["BUILDKITE_REPO"])),
  },
  {
    name: "Azure Pipelines",
    sign: "TF_BUILD",
    who: ["BUILD_REQUESTEDFOR"],
    project: ["BUILD_REPOSITORY_NAME"],
    run: ["BUILD_BUILDID"],
    job: ["SYSTEM_JOBDISPLAYNAME"],
    isFork: (env) => env["SYSTEM_PULLREQUEST_ISFORK"]?.toLowerCase() === "true",
  },
  {
    name: "Jenkins",
    sign: "JENKINS_URL",
    who: ["BUILD_USER_ID", "CHANGE_AUTHOR"],
    project: ["JOB_NAME"],
    run: ["BUILD_NUMBER"],
    isFork: (env) => isSet(env["CHANGE_FORK"]),
  },
  {
    name: "Bitbucket Pipelines",
    sign: "BITBUCKET_BUILD_NUMBER",
    who: ["BITBUCKET_STEP_TRIGGERER_UUID"],
    project: ["BITBUCKET_REPO_FULL_NAME"],
    run: ["BITBUCKET_BUILD_NUMBER"],
    // It runs no pipeline of the target for a pull request from a fork.
    isFork: () => false,
  },
  // Any other system that says it is one.
  { name: "CI", sign: "CI", isFork: () => false },
];

/** Whether this is a CI job. */
export function isCi(env: Environment): boolean {
  return systemOf(env) !== undefined;
}

/** The CI system's name where the job was begun by a pull request from a fork: its plan is a stranger's. */
export function forkOf(env: Environment): string | undefined {
  const system = systemOf(env);
  return system?.isFork(env) ? system.name : undefined;
}

/** Who runs this command and where, as far as the environment and the system say. */
export function claimedActor(env: Environment): Actor {
  const system = systemOf(env);
  if (!system) return { who: userName(env), where: hostname() };
  const first = (names: string[] | undefined) => names?.map((name) => env[name]).find(isSet);
  const [run, job] = [first(system.run), first(system.job)];
  const where = [system.name, first(system.project), run && `run ${run}`, job && `job ${job}`].filter(isSet).join(", ");
  return { who: (first(system.who) ?? userName(env)).slice(0, 500), where: where.slice(0, 500) };
}

function systemOf(env: Environment): CiSystem | undefined {
  return SYSTEMS.find(({ sign }) => isSet(env[sign]) && env[sign] !== "false" && env[sign] !== "0");
}

function userName(env: Environment): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return env["USER"] ?? env["LOGNAME"] ?? "unknown";
  }
}

/** The job's event tells whose code it runs. An event of a pull request that cannot be read is taken for a fork's. */
function isGithubFork(env: Environment): boolean {
  const event = env["GITHUB_EVENT_NAME"] ?? "";
  if (!event.startsWith("pull_request") && event !== "workflow_run") return false;
  try {
    const payload = JSON.parse(readFileSync(env["GITHUB_EVENT_PATH"] ?? "", "utf8")) as GithubEvent;
    const { head, base } = payload.pull_request ?? {};
    const [from, own] = event === "workflow_run" ? [payload.workflow_run?.head_repository, payload.repository] : [head?.repo, base?.repo];
    // Where a fork was deleted since, its repository is null.
    return !isSet(from?.full_name) || from.full_name !== own?.full_name;
  } catch {
    return true;
  }
}

interface GithubEvent {
  repository?: { full_name?: string };
  pull_request?: { head?: { repo?: { full_name?: string } | null }; base?: { repo?: { full_name?: string } } };
  workflow_run?: { head_repository?: { full_name?: string } | null };
}

/** Where a pull request is said to come from, and from elsewhere. */
function differ(source: string | undefined, own: string | undefined): boolean {
  return isSet(source) && source !== own;
}

/** `owner/name` of an address of a repository, whether by ssh or https. */
function repositoryOf(address: string | undefined): string | undefined {
  return address
    ?.replace(/\.git$/, "")
    .split(/[/:]/)
    .slice(-2)
    .join("/")
    .toLowerCase();
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
