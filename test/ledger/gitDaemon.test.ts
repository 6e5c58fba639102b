import { startGitDaemon } from "../support/git.ts";
import { gitConformance } from "./gitConformance.ts";

gitConformance("over git's own protocol", "shared", startGitDaemon);
