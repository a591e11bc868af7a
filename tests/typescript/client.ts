// A client of Kith that shares no code with it: Connect, with stubs by protobuf-es. It walks through what a product does
// first, over gRPC as backends speak it and over gRPC-Web as browsers do, and ends with an error at the first answer that is
// not as the contracts promise.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ErrorInfoSchema, RequestInfoSchema } from "./gen/typescript/google/rpc/error_details_pb.js";
import { IdentityService } from "./gen/typescript/kith/identity/v1/identity_service_pb.js";
import { MessagingService } from "./gen/typescript/kith/messaging/v1/messaging_service_pb.js";
import { PostsService } from "./gen/typescript/kith/posts/v1/posts_service_pb.js";
import { SocialGraphService } from "./gen/typescript/kith/social_graph/v1/social_graph_service_pb.js";

const PASSWORD = "correct horse battery staple";
// A call without a deadline could hang for ever.
const timeoutMs = 10_000;

const address = { type: "string" } as const;
const { values } = parseArgs({
  options: { identity: address, "social-graph": address, posts: address, messaging: address },
});

type Service = keyof typeof values;
type Dial = (service: Service, interceptors: Interceptor[]) => Transport;

const ways: Record<string, Dial> = {
  "gRPC": (service, interceptors) =>
    createGrpcTransport({ baseUrl: url(service), interceptors, defaultTimeoutMs: timeoutMs }),
  "gRPC-Web, binary": (service, interceptors) =>
    createGrpcWebTransport({ baseUrl: url(service), interceptors, defaultTimeoutMs: timeoutMs }),
};

function url(service: Service): string {
  return `http://${values[service]}`;
}

function withToken(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    assert(error instanceof ConnectError);
    return error;
  }
  assert.fail("expected an error");
}

function checkRefusal(error: ConnectError, code: Code, reason: string): void {
  assert.equal(error.code, code);
  assert(error.rawMessage.startsWith(`${reason}: `), error.rawMessage);
  const [info] = error.findDetails(ErrorInfoSchema);
  assert.deepEqual([info?.domain, info?.reason], ["kith", reason]);
  const [request] = error.findDetails(RequestInfoSchema);
  assert(request?.requestId);
  assert.equal(error.metadata.get("x-request-id"), request.requestId);
}

async function walk(dial: Dial): Promise<void> {
  const identity = createClient(IdentityService, dial("identity", []));
  const suffix = randomUUID().slice(0, 8);
  const signUp = async (name: string) => {
    const username = `${name}.${suffix}`;
    const { account } = await identity.register({ username, password: PASSWORD });
    assert(account?.user);
    assert.equal(account.user.username, username);
    const signedIn = await identity.authenticate({
      identifier: { case: "username", value: username },
      password: PASSWORD,
    });
    return { id: account.user.id, interceptors: [withToken(signedIn.accessToken)] };
  };
  const ada = await signUp("ada");
  const bo = await signUp("bo");

  const me = await createClient(IdentityService, dial("identity", bo.interceptors)).whoAmI({});
  assert.equal(me.user?.id, bo.id);

  const graph = createClient(SocialGraphService, dial("social-graph", bo.interceptors));
  const { follow } = await graph.follow({ userId: ada.id });
  assert.deepEqual([follow?.followerId, follow?.followedId], [bo.id, ada.id]);
  checkRefusal(await refusal(graph.follow({ userId: bo.id })), Code.InvalidArgument, "SELF_FOLLOW");
  const unsigned = createClient(SocialGraphService, dial("social-graph", []));
  checkRefusal(await refusal(unsigned.follow({ userId: ada.id })), Code.Unauthenticated, "TOKEN_MISSING");

  const posts = createClient(PostsService, dial("posts", ada.interceptors));
  const written: bigint[] = [];
  for (const content of ["first", "second", "third, with ünïcödé and 👋"]) {
    const request = { content, requestId: randomUUID() };
    const made = await posts.createPost(request);
    const again = await posts.createPost(request);
    assert(made.post && again.post);
    assert.deepEqual([again.post.id, again.replayed], [made.post.id, true]);
    assert.equal(made.post.content, content);
    written.unshift(made.post.id);
  }

  const timeline = createClient(PostsService, dial("posts", bo.interceptors));
  const read: bigint[] = [];
  for (let pageToken = ""; ; ) {
    const page = await timeline.listHomeTimeline({ pageSize: 2, pageToken });
    read.push(...page.items.map((item) => item.post?.id ?? 0n));
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  assert.deepEqual(read, written);

  const messages = createClient(MessagingService, dial("messaging", bo.interceptors));
  const { message } = await messages.sendMessage({ receiverId: ada.id, content: "Shall we meet?" });
  assert.equal(message?.content, "Shall we meet?");
}

for (const [way, dial] of Object.entries(ways)) {
  await walk(dial);
  console.log(`  ${way}: signed up, followed, posted, read pages, wrote, was refused with reasons`);
}
