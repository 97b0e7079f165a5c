/** As Java writes dataIds and groups (`NacosConfigServiceWrapper.java`): inner classes and slashes have no place in one. */
export function plainName(name: string): string {
  return name.replaceAll("$", "___").replaceAll("/", "-");
}
