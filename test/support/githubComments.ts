import { startServer, type TestServer } from "./faultyServer.ts";

export interface Comment {
  id: number;
  body: string;
  user: { login: string; type: "Bot" | "User" } | null;
}

/** The part of GitHub's REST API that is about the comments of issues, as its reference describes it. */
export interface GithubComments extends TestServer {
  comments: Comment[];
  /** Answers everything with this status from now on. */
  refuseWith(status: number): void;
}

const LIST = /^\/repos\/shop\/web\/issues\/7\/comments(?:\?(.*))?$/;
const ONE = /^\/repos\/shop\/web\/issues\/comments\/(\d+)$/;

/** `token` may read and write. */
export async function startGithubComments(token: string, comments: Comment[] = []): Promise<GithubComments> {
  let refusal: number | undefined;
  const server = await startServer((request, response) => {
    const answer = (status: number, content: unknown) =>
      response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(content));
    const { method, body } = server.requests.at(-1)!;
    if (refusal !== undefined) return void answer(refusal, { message: "Resource not accessible by integration" });
    if (request.headers.authorization !== `Bearer ${token}`) return void answer(401, { message: "Bad credentials" });
    // GitHub refuses whoever does not say who it is.
    if (!request.headers["user-agent"]) return void answer(403, { message: "Request forbidden by administrative rules" });
    const list = LIST.exec(request.url ?? "");
    const one = ONE.exec(request.url ?? "");
    const text = method === "GET" ? "" : (JSON.parse(body) as { body: string }).body;
    if (text.length > 65_536) return void answer(422, { message: "body is too long (maximum is 65536 characters)" });
    if (list && method === "GET") {
      const query = new URLSearchParams(list[1]);
      const [size, page] = [Number(query.get("per_page") ?? 30), Number(query.get("page") ?? 1)];
      return void answer(200, comments.slice((page - 1) * size, page * size));
    }
    if (list && method === "POST") {
      const comment: Comment = { id: 1000 + comments.length, body: text, user: { login: "github-actions[bot]", type: "Bot" } };
      comments.push(comment);
      return void answer(201, comment);
    }
    const found = one && comments.find(({ id }) => id === Number(one[1]));
    if (found && method === "PATCH") return void answer(200, Object.assign(found, { body: text }));
    answer(404, { message: "Not Found" });
  });
  return { ...server, comments, refuseWith: (status) => void (refusal = status) };
}
