import { serveThread } from "./io/threads.ts";
import { beginJob } from "./simulate/jobs.ts";

serveThread(beginJob);
