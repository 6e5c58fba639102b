import { startGitHttp } from "../support/git.ts";
import { gitConformance } from "./gitConformance.ts";

gitConformance("over smart HTTP", "own", startGitHttp);
