import { java } from "dubbo-ts";

/** The fields of the user that the Dubbo benchmarks send; its dates as `java.util.Date`, which both codecs have. */
export const User = java.object("org.apache.dubbo.benchmark.bean.User", {
  id: java.long(),
  name: java.string(),
  sex: java.int(),
  birthday: java.date(),
  email: java.string(),
  mobile: java.string(),
  address: java.string(),
  icon: java.string(),
  permissions: java.list(java.int()),
  status: java.int(),
  createTime: java.date(),
  updateTime: java.date(),
});

function userOf(index) {
  return {
    id: BigInt(index),
    name: `Doug Lea ${index}`,
    sex: index % 2,
    birthday: new Date(-29_000_000_000 + index * 86_400_000),
    email: `dong.lea.${index}@gmail.com`,
    mobile: "18612345678",
    address: "Beijing Zhong Guan Cun No. 1234567",
    icon: "https://www.baidu.com/img/bd_logo1.png",
    permissions: [1, 2, 3, 4, 5, 6, 7, 8, 9, 19, 88, 86, 89, 90, 91, 92],
    status: 1,
    createTime: new Date(1_700_000_000_123 + index),
    updateTime: new Date(1_700_000_500_456 + index),
  };
}

const text = "The quick brown fox jumps over the lazy dog. ".repeat(2_223).slice(0, 100_000);

export const values = {
  user: { title: "a user", type: User, value: userOf(7) },
  users: {
    title: "list of 1,000 users",
    type: java.list(User),
    value: Array.from({ length: 1_000 }, (_, at) => userOf(at)),
  },
  text: { title: "string of 100 KB, ASCII", type: java.string(), value: text },
};
