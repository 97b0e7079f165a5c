import { LifeStory } from "./life.mjs";
import { MigrationStory } from "./migration.mjs";

const kinds = { life: LifeStory, migration: MigrationStory };

/**
 * Runs one story of a provider's life to its end; tells `report(life, event, { calls, failed, … })`.
 * @param run `{ folder, signal }`, as for peers
 * @throws what ended it early
 */
export async function runStory(life, registry, run, report) {
  const story = new kinds[life.story](life, registry, run, report);
  try {
    await story.tellAll();
  } finally {
    await story.allGone("kill");
  }
}
