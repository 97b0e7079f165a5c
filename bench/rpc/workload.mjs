import { defineService, java, method } from "dubbo-ts";

/** 100 bytes. */
export const text = "0123456789".repeat(10);

/** A list of 100 such users is what the second workload answers. Plain values, which every peer can carry. */
export const users = Array.from({ length: 100 }, (_, index) => ({
  id: 1_000_000 + index,
  name: `user number ${index}`,
  email: `user${index}@example.org`,
  mobile: "+49 170 1234567",
  age: 20 + (index % 60),
  active: index % 3 !== 0,
  score: index * 1.5,
  tags: ["reader", "writer"],
}));

const User = java.object("org.example.bench.User", {
  id: java.int(),
  name: java.string(),
  email: java.string(),
  mobile: java.string(),
  age: java.int(),
  active: java.boolean(),
  score: java.double(),
  tags: java.list(java.string()),
});

export const BenchService = defineService("org.example.bench.BenchService", {
  echo: method([java.string()], java.string()),
  users: method([], java.list(User)),
});

export const benchImplementation = { echo: (value) => value, users: () => users };

/** What one call of each workload does, given the client of a target; the answer is checked once. */
export const workloads = {
  echo: { title: "echo of 100 B", isRight: (answer) => Buffer.from(answer).toString() === text },
  users: {
    title: "list of 100 users",
    isRight: (answer) => answer.length === users.length || answer.length > 10_000,
  },
};
