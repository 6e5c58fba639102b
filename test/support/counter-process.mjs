// A real process with counters, for tests: POST /add?series=SERIES&by=N counts, GET /metrics shows them.
import { createServer } from "node:http";

const counters = new Map();
const started = Date.now() / 1000;

createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/add") {
    const series = url.searchParams.get("series");
    counters.set(series, (counters.get(series) ?? 0) + Number(url.searchParams.get("by")));
    response.end();
    return;
  }
  const lines = [...counters].map(([series, value]) => `${series} ${value}\n`);
  response.setHeader("content-type", "text/plain; version=0.0.4");
  response.end(`# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds ${started}\n${lines.join("")}`);
}).listen(Number(process.argv[2]), "127.0.0.1", () => process.stdout.write("ready\n"));
