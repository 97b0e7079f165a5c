/**
 * How many parameters a JVM descriptor such as `Ljava/lang/String;I[J` names; -1 when it is none. `V` counts:
 * dubbo-go writes it for an argument that is null (peers G4).
 */
export function descriptorArity(descriptor: string): number {
  let count = 0;
  for (let at = 0; at < descriptor.length; at += 1) {
    while (descriptor[at] === "[") at += 1;
    if (descriptor[at] === "L") {
      at = descriptor.indexOf(";", at);
      if (at < 0) return -1;
    } else if (!"ZBCSIJFDV".includes(descriptor[at] ?? "?")) return -1;
    count += 1;
  }
  return count;
}
