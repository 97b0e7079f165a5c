export { createContainer, dubboModule, exportDecorated, runningApplication } from "./container.js";
export { Reference } from "./reference.js";
export { Service, type ServiceClass } from "./service.js";
export { UseFilters } from "./use-filters.js";
// What goes with them, so that an application needs one import
export { Container, inject, injectable } from "inversify";
