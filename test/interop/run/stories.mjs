import { LifeStory } from "./life.mjs";
import { MigrationStory } from "./migration.mjs";

const kinds = { life: LifeStory, migration: MigrationStory };

/** Runs one story of a provider's life to its end; tells `report(life, event, { calls, failed, … })`. */
export async function runStory(life, registry, folder, report) {
  const story = new kinds[life.story](life, registry, folder, report);
  try {
    await story.run();
  } catch (error) {
    story.tell(`the story of its ${life.story}`, { failed: 1, errors: [String(error.message ?? error)] });
  } finally {
    await story.allGone("kill");
  }
}
