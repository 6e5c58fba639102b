// The comment on a pull request that explains its plan: written once, then kept up to date.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** GitHub takes no comment with more than 65,536 characters. */
const MOST_CHARACTERS = 60_000;
const MOST_PAGES = 50;
const PER_PAGE = 100;
const DEADLINE = 15_000;

/**
 * Writes or updates the comment of one plan. Explaining is worth a comment, not a failure: where it cannot be written, a
 * sentence says why.
 */
export async function commentOnPullRequest({ env, token, plan, text }) {
  const pull = readPullRequest(env.GITHUB_EVENT_PATH);
  if (!pull) return "no comment: the event does not say which pull request it is of";
  // A fork's token can read only, and with any other a stranger's words would be posted.
  if (pull.isFork) return "no comment: the pull request comes from a fork; the summary of this run explains its plan";
  if (token === "" || text === "") return undefined;
  const api = apiOf(env, token);
  const marker = `<!-- rollout-plan ${createHash("sha256").update(plan).digest("hex").slice(0, 32)} -->`;
  const body = `${marker}\n${fitting(text)}`;
  try {
    const own = await ownComment(api, pull.number, marker);
    if (!own) await api("POST", `issues/${pull.number}/comments`, { body });
    else if (own.body !== body) await api("PATCH", `issues/comments/${own.id}`, { body });
    return undefined;
  } catch (error) {
    return `no comment: ${error instanceof Error ? error.message : String(error)}; it needs the permission \`pull-requests: write\``;
  }
}

function readPullRequest(path) {
  try {
    const { number, head, base } = JSON.parse(readFileSync(path ?? "", "utf8")).pull_request;
    if (!Number.isSafeInteger(number)) return undefined;
    const from = head?.repo?.full_name;
    // The repository of a fork that was deleted is null.
    return { number, isFork: typeof from !== "string" || from !== base?.repo?.full_name };
  } catch {
    return undefined;
  }
}

/** Of a bot's alone: anybody may write a comment that begins as ours does. */
async function ownComment(api, number, marker) {
  for (let page = 1; page <= MOST_PAGES; page++) {
    const comments = await api("GET", `issues/${number}/comments?per_page=${PER_PAGE}&page=${page}`);
    const own = comments.find(({ body, user }) => user?.type === "Bot" && body?.startsWith(marker));
    if (own || comments.length < PER_PAGE) return own;
  }
  return undefined;
}

function apiOf({ GITHUB_API_URL, GITHUB_REPOSITORY }, token) {
  return async (method, path, content) => {
    const response = await fetch(`${GITHUB_API_URL ?? "https://api.github.com"}/repos/${GITHUB_REPOSITORY}/${path}`, {
      method,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token}`,
        "user-agent": "rollout",
        "x-github-api-version": "2022-11-28",
        ...(content && { "content-type": "application/json" }),
      },
      ...(content && { body: JSON.stringify(content) }),
      signal: AbortSignal.timeout(DEADLINE),
    });
    if (!response.ok) throw new Error(`GitHub answered with status ${response.status}`);
    return response.json();
  };
}

/** Whole lines, as many as fit: each of them is Markdown by itself. */
function fitting(text) {
  if (text.length <= MOST_CHARACTERS) return text;
  const cut = text.slice(0, text.lastIndexOf("\n", MOST_CHARACTERS));
  return `${cut}\n\nThe rest is in the summary of the run.\n`;
}
