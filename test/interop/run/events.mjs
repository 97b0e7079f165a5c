/** Calls that go on in every story, in a second. */
export const perSecond = 100;

/** What happens in the story of a provider's life, as the page says it. */
export const lifeEvents = {
  startsLast: "the provider starts last",
  joins: "a second instance joins",
  leaves: "it leaves in order",
  killed: "one is killed with -9",
  exported: "the revision changes: export",
  unexported: "the revision changes: unexport",
  revisions: "two revisions side by side",
  applications: "a second application provides it",
  away: "the registry is away for 30 s",
};

/** What happens in the story of a migration. */
export const migrationEvents = {
  moves: "providers move from interfaces to applications",
  steps: "the consumer's step is switched",
};
