import fc from "fast-check";

// A mutant that a property catches is caught by its first cases; the others only take time, a thousand mutants long.
fc.configureGlobal({ numRuns: 20 });
