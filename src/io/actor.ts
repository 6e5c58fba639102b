import { z } from "zod";
import { RolloutError } from "../errors.ts";
import { provenSchema, type Actor } from "../model/entry.ts";
import { claimedActor, type Environment } from "./ci.ts";
import { askJson, checkIdToken, left, whyNot, type Checking } from "./oidc.ts";
import type { Clock, Http } from "./port.ts";
import type { Redactor } from "./redact.ts";

/** Who runs a command: proven by the token of a CI job where there is one that holds, else a claim. */

/** What a token is asked for, so that one that was meant for others is none for us, and ours none for others. */
const AUDIENCE = "rollout";
/** Nothing waits longer than this for a proof, in milliseconds: least of all a rollback. */
const PATIENCE = 5_000;

const GITHUB = "https://token.actions.githubusercontent.com";
const GITLAB = "https://gitlab.com";
const SYSTEMS: Record<string, string> = { [GITHUB]: "GitHub Actions", [GITLAB]: "GitLab CI" };

export interface ActorSettings {
  env: Environment;
  http: Http;
  clock: Clock;
  redactor: Redactor;
  /** Tells, once, why an actor that could have been proven is not. */
  warn(sentence: string): void;
  /** How long a proof is waited for, in milliseconds. */
  patience?: number;
}

/** Gives who runs this, the same each time; the token is asked for and checked at the first. It never throws. */
export function actorSource(settings: ActorSettings): () => Promise<Actor> {
  let actor: Promise<Actor> | undefined;
  return () => (actor ??= findActor(settings));
}

async function findActor({ env, http, clock, redactor, warn, patience = PATIENCE }: ActorSettings): Promise<Actor> {
  const checking: Checking = { http, clock, until: clock.monotonic() + patience };
  try {
    const offered = await tokenOf(env, checking, redactor);
    if (!offered) return claimedActor(env);
    return actorIn(await checkIdToken(offered.token, { issuer: offered.issuer, audience: AUDIENCE }, checking), offered.issuer);
  } catch (error) {
    warn(`who runs this is recorded as a claim, since it could not be proven: ${whyNot(error)}`);
    return claimedActor(env);
  }
}

/** The token that this job has or may ask for, and who must have issued it; nothing where its system offers none. */
async function tokenOf(env: Environment, { http, clock, until }: Checking, redactor: Redactor) {
  const own = env["ROLLOUT_OIDC_ISSUER"] || undefined;
  const given = env["ROLLOUT_ID_TOKEN"]?.trim();
  if (given) {
    hide(given, redactor);
    const issuer = own ?? (env["GITLAB_CI"] ? GITLAB : undefined);
    if (issuer !== undefined) return { token: given, issuer };
    throw new RolloutError("usage", "ROLLOUT_ID_TOKEN is set, but not who issues such tokens", {
      hint: "Name the issuer's address with ROLLOUT_OIDC_ISSUER.",
    });
  }
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = env;
  if (!address || !bearer) return undefined;
  redactor.add(bearer);
  if (!URL.canParse(address)) throw new RolloutError("usage", "ACTIONS_ID_TOKEN_REQUEST_URL is no address");
  const url = new URL(address);
  url.searchParams.set("audience", AUDIENCE);
  const headers = { authorization: `Bearer ${bearer}` };
  const answer = z
    .object({ value: z.string().min(1) })
    .safeParse(await askJson(http, { url: url.href, headers, deadline: left(clock, until) }));
  if (!answer.success) throw new RolloutError("unreachable", `${url.host} gave no token`);
  hide(answer.data.value, redactor);
  return { token: answer.data.value, issuer: own ?? GITHUB };
}

/** The signature by itself as well: the rest of a token is no secret. */
function hide(token: string, redactor: Redactor): void {
  redactor.add(token);
  redactor.add(token.slice(token.lastIndexOf(".") + 1));
}

const text = z.union([z.string(), z.number().transform(String)]).optional();
/** Of the claims of GitHub and GitLab, those that say who and where. */
const claimsSchema = z.object({
  sub: z.string(),
  repository: text,
  project_path: text,
  workflow_ref: text,
  ci_config_ref_uri: text,
  run_id: text,
  pipeline_id: text,
  actor: text,
  user_login: text,
});

function actorIn(claims: Record<string, unknown>, issuer: string): Actor {
  const parsed = claimsSchema.safeParse(claims);
  const said = parsed.success ? parsed.data : undefined;
  const found = {
    repository: said?.repository ?? said?.project_path,
    workflow: said?.workflow_ref ?? said?.ci_config_ref_uri,
    run: said?.run_id ?? said?.pipeline_id,
    actor: said?.actor ?? said?.user_login,
  };
  const present = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined && value !== ""));
  const proven = provenSchema.safeParse({ issuer, subject: said?.sub, ...present });
  // A name that was cut could be another's.
  if (!proven.success) throw new RolloutError("unreachable", "the token says who it is for in a way that cannot be recorded");
  const { subject, actor = subject, repository, run } = proven.data;
  const where = [SYSTEMS[issuer] ?? new URL(issuer).host, repository, run && `run ${run}`];
  return { who: actor, where: where.filter(Boolean).join(", ").slice(0, 500), proven: proven.data };
}
