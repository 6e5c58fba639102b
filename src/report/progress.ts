import { describeExposure } from "../core/exposure.ts";
import { duration } from "../core/words.ts";
import type { Entry } from "../model/entry.ts";
import type { State } from "../model/state.ts";
import { entrySentence } from "./log.ts";
import { blastRadiusSentence } from "./standing.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** What happens while a command works. */
type Happening =
  | { kind: "entry"; entry: Entry; state: State }
  | { kind: "warning"; sentence: string }
  | { kind: "waiting"; sentence: string; milliseconds: number };

/** What to show of it: `line` for good, `status` until the next comes; `key` is the same while a status says the same thing. */
export type Shown = { line: string } | { status: string; key: string };

/** How a happening looks while a command runs: one line, with the time of day by this machine's clock. */
export function progressOf(happening: Happening, style: Style = plainStyle): Shown {
  switch (happening.kind) {
    case "warning":
      return { line: style.yellow(`warning: ${terminalText(happening.sentence)}`) };
    case "waiting":
      return { status: `${terminalText(happening.sentence)} (${duration(happening.milliseconds)})`, key: happening.sentence };
    case "entry":
      return entryShown(happening.entry, happening.state, style);
    default:
      return happening satisfies never;
  }
}

function entryShown(entry: Entry, state: State, style: Style): Shown {
  const line = (colour: (text: string) => string, text: string): Shown => ({
    line: `${style.dim(timeOfDay(entry.at))}  ${colour(terminalText(text))}`,
  });
  switch (entry.kind) {
    case "look": {
      const { decision, verdicts } = entry.data;
      const because = decision.because.map(({ sentence }) => sentence).join("; ");
      const stage = state.plan.stages[state.stage]?.name ?? describeExposure(state.exposure);
      switch (decision.kind) {
        case "hold":
          return {
            status: terminalText(
              [`${stage}: ${because}`, ...verdicts.map(({ guardrail, verdict }) => `${guardrail}: ${verdict}`)].join(" · "),
            ),
            key: [stage, ...decision.because.map(({ gate }) => gate)].join(" "),
          };
        case "rollback":
          return line(style.red, `breach, rolling back: ${because}; ${blastRadiusSentence(decision.blastRadius)}`);
        case "pause":
          return line(style.yellow, `pause: ${because}${decision.blastRadius ? `; ${blastRadiusSentence(decision.blastRadius)}` : ""}`);
        case "advance":
          return line(style.dim, `${stage}: ${because}`);
        case "complete":
          return { status: `${terminalText(stage)}: ${terminalText(because)}`, key: "complete" };
        default:
          return decision satisfies never;
      }
    }
    case "intent":
      return { status: terminalText(`writing the flag: ${describeExposure(entry.data.to)}`), key: `intent ${entry.seq}` };
    case "applied":
      return line(
        state.end ? style.red : style.green,
        `the flag says ${describeExposure(state.exposure)} (entry ${entry.seq}, ${state.head.hash.slice(0, 12)})`,
      );
    case "abandoned":
    case "repaired":
    case "spooled":
    case "paused":
      return line(style.yellow, `${entry.kind}: ${entrySentence(entry, state.plan)}`);
    case "started":
    case "resumed":
    case "planChanged":
    case "judgeChanged":
    case "ended":
      return line(style.bold, `${entry.kind}: ${entrySentence(entry, state.plan)}`);
    default:
      return entry satisfies never;
  }
}

function timeOfDay(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}
