import { join } from "node:path";

/** What CI systems tell a job of itself, as their documentation says. */
export interface CiJob {
  system: string;
  what: string;
  env(): Record<string, string>;
}

/** Files of GitHub's events, by name. */
export const eventsOfGithub: Record<string, string> = {
  "fork.json": pullRequest({ full_name: "mallory/web" }),
  "same.json": pullRequest({ full_name: "shop/web" }),
  // The fork was deleted while its pull request was open.
  "deleted.json": pullRequest(null),
  "empty.json": "{}",
  "broken.json": "{",
  "run-of-fork.json": workflowRun("mallory/web"),
  "run-of-own.json": workflowRun("shop/web"),
  "run-of-deleted.json": workflowRun(null),
};

function pullRequest(repo: { full_name: string } | null): string {
  return JSON.stringify({
    repository: { full_name: "shop/web" },
    pull_request: { head: { repo }, base: { repo: { full_name: "shop/web" } } },
  });
}

function workflowRun(from: string | null): string {
  const head_repository = from === null ? null : { full_name: from };
  return JSON.stringify({ repository: { full_name: "shop/web" }, workflow_run: { head_repository } });
}

function github(events: () => string, event: string, file: string): CiJob["env"] {
  return () => ({ CI: "true", GITHUB_ACTIONS: "true", GITHUB_EVENT_NAME: event, GITHUB_EVENT_PATH: join(events(), file) });
}

function job(system: string, what: string, env: Record<string, string>): CiJob {
  return { system, what, env: () => env };
}

/** Jobs of pull requests from forks; `events` is the folder that the files of GitHub's events are in. */
export function forkJobs(events: () => string): CiJob[] {
  const onGithub = (what: string, event: string, file: string): CiJob => ({
    system: "GitHub Actions",
    what,
    env: github(events, event, file),
  });
  const gitlab = { CI: "true", GITLAB_CI: "true", CI_MERGE_REQUEST_PROJECT_ID: "1" };
  const buildkite = { BUILDKITE: "true", BUILDKITE_REPO: "git@github.com:shop/web.git" };
  return [
    onGithub("a fork", "pull_request", "fork.json"),
    onGithub("a fork, with the secrets of the target", "pull_request_target", "fork.json"),
    onGithub("a review of a fork's", "pull_request_review", "fork.json"),
    onGithub("a fork that was deleted", "pull_request", "deleted.json"),
    onGithub("an event file that is not there", "pull_request", "missing.json"),
    onGithub("an event file that is no JSON", "pull_request", "broken.json"),
    onGithub("an event that says nothing", "pull_request", "empty.json"),
    onGithub("a workflow after a fork's", "workflow_run", "run-of-fork.json"),
    onGithub("a workflow after that of a fork that was deleted", "workflow_run", "run-of-deleted.json"),
    onGithub("a workflow after one that it says nothing of", "workflow_run", "empty.json"),
    job("GitLab CI", "a merge request of another project", { ...gitlab, CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "2" }),
    job("CircleCI", "a fork", { CI: "true", CIRCLECI: "true", CIRCLE_PR_NUMBER: "12" }),
    job("CircleCI", "a fork, by its name alone", { CI: "true", CIRCLECI: "true", CIRCLE_PR_REPONAME: "web" }),
    job("Buildkite", "another repository", {
      ...buildkite,
      BUILDKITE_PULL_REQUEST: "12",
      BUILDKITE_PULL_REQUEST_REPO: "git://github.com/mallory/web.git",
    }),
    job("Azure Pipelines", "a fork", { TF_BUILD: "True", SYSTEM_PULLREQUEST_ISFORK: "True" }),
    job("Jenkins", "a fork", { JENKINS_URL: "http://ci", CHANGE_FORK: "mallory" }),
  ];
}

/** Jobs of pull requests of the repository itself, and of no pull request. */
export function ownJobs(events: () => string): CiJob[] {
  const onGithub = (what: string, event: string, file: string): CiJob => ({
    system: "GitHub Actions",
    what,
    env: github(events, event, file),
  });
  const gitlab = { CI: "true", GITLAB_CI: "true" };
  const buildkite = { BUILDKITE: "true", BUILDKITE_REPO: "git@github.com:shop/web.git" };
  return [
    onGithub("a pull request of its own", "pull_request", "same.json"),
    onGithub("a push", "push", "missing.json"),
    onGithub("a schedule", "schedule", "missing.json"),
    onGithub("a workflow after one of its own", "workflow_run", "run-of-own.json"),
    job("GitLab CI", "a branch", gitlab),
    job("GitLab CI", "a merge request of its own", {
      ...gitlab,
      CI_MERGE_REQUEST_PROJECT_ID: "1",
      CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "1",
    }),
    job("CircleCI", "a pull request of its own", {
      CI: "true",
      CIRCLECI: "true",
      CIRCLE_PULL_REQUEST: "https://github.com/shop/web/pull/1",
    }),
    job("Buildkite", "a branch", { ...buildkite, BUILDKITE_PULL_REQUEST: "false", BUILDKITE_PULL_REQUEST_REPO: "" }),
    job("Buildkite", "its own repository by another protocol", {
      ...buildkite,
      BUILDKITE_PULL_REQUEST: "12",
      BUILDKITE_PULL_REQUEST_REPO: "https://github.com/Shop/web.git",
    }),
    job("Azure Pipelines", "a pull request of its own", { TF_BUILD: "True", SYSTEM_PULLREQUEST_ISFORK: "False" }),
    job("Azure Pipelines", "a branch", { TF_BUILD: "True" }),
    job("Jenkins", "a branch", { JENKINS_URL: "http://ci" }),
    job("Bitbucket Pipelines", "a pull request", { CI: "true", BITBUCKET_BUILD_NUMBER: "7", BITBUCKET_PR_ID: "3" }),
    job("CI", "another system", { CI: "true" }),
  ];
}
