/** What a variant's requests came to, since the shop began. */
interface Counts {
  requests: number;
  errors: number;
  slow: number;
}

/** The shop's counters, by the variant that the SDK named. */
export interface Counters {
  count(variant: string, request: { failed: boolean; slow: boolean }): void;
  /** All of them in the Prometheus text format. */
  text(): string;
}

const help: Record<keyof Counts, [name: string, help: string]> = {
  requests: ["shop_requests_total", "Pages that were asked for."],
  errors: ["shop_errors_total", "Pages that failed."],
  slow: ["shop_slow_requests_total", "Pages that took too long."],
};

/** Counters at nothing; `startedAt` is in epoch milliseconds. */
export function makeCounters(startedAt: number): Counters {
  const byVariant = new Map<string, Counts>();
  return {
    count(variant, { failed, slow }) {
      // All three at once: an error counter that is not there until the first error would look misspelt.
      const counts = byVariant.get(variant) ?? { requests: 0, errors: 0, slow: 0 };
      byVariant.set(variant, counts);
      counts.requests += 1;
      counts.errors += Number(failed);
      counts.slow += Number(slow);
    },
    text() {
      const families = Object.entries(help).map(([key, [name, text]]) => {
        const samples = [...byVariant].map(([variant, counts]) => `${name}{variant=${quote(variant)}} ${counts[key as keyof Counts]}\n`);
        return `# HELP ${name} ${text}\n# TYPE ${name} counter\n${samples.join("")}`;
      });
      const started = "process_start_time_seconds";
      return `${families.join("")}# HELP ${started} When the shop began.\n# TYPE ${started} gauge\n${started} ${startedAt / 1000}\n`;
    },
  };
}

function quote(label: string): string {
  return `"${label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
