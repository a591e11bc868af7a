"""A client of Kith that shares no code with it: grpcio, with stubs made from proto/ on the spot.

It walks through what a backend team does first, prints each step, and fails at the first answer that is not as the
contracts promise.
"""

import argparse
import sys
import tempfile
import uuid
from contextlib import ExitStack
from importlib import import_module, resources
from pathlib import Path

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[2] / "proto"
IDENTITY = "kith.identity.v1.IdentityService"
SOCIAL_GRAPH = "kith.social_graph.v1.SocialGraphService"
POSTS = "kith.posts.v1.PostsService"
MESSAGING = "kith.messaging.v1.MessagingService"
PASSWORD = "correct horse battery staple"
# Seconds; a call without a deadline could hang for ever.
TIMEOUT = 10


def make_stubs(folder):
    """Makes the modules of every contract in `folder`, and lets this process import them."""
    well_known = resources.files("grpc_tools") / "_proto"
    contracts = sorted(str(path) for path in (PROTO / "kith").rglob("*.proto"))
    includes = [f"-I{PROTO}", f"-I{well_known}"]
    if protoc.main(["protoc", *includes, f"--python_out={folder}", f"--grpc_python_out={folder}", *contracts]):
        sys.exit("no stubs could be made from proto/")
    sys.path.insert(0, str(folder))


def say(what):
    print(f"  {what}", flush=True)


def expect(what, actual, wanted):
    """Ends the program unless the answer is as promised."""
    if actual != wanted:
        sys.exit(f"  {what}: expected {wanted!r}, got {actual!r}")


def refusal(call, *arguments, **options):
    """Makes a call that must fail, and answers its error and the details by the names of their messages."""
    try:
        answer = call(*arguments, timeout=TIMEOUT, **options)
    except grpc.RpcError as error:
        details = {}
        for packed in rpc_status.from_call(error).details:
            name = packed.TypeName().rpartition(".")[2]
            details[name] = getattr(error_details_pb2, name)()
            packed.Unpack(details[name])
        return error, details
    sys.exit(f"  expected an error, got {answer}")


def expect_refusal(error, details, code, reason):
    """Checks what every error must carry."""
    expect("code", error.code(), code)
    info = details["ErrorInfo"]
    expect("reason and domain", (info.reason, info.domain), (reason, "kith"))
    expect("message begins with the reason", error.details().startswith(f"{reason}: "), True)
    expect("request id is there", bool(details["RequestInfo"].request_id), True)


def check_health(channel, service):
    stub = health_pb2_grpc.HealthStub(channel)
    for name in ["", service]:
        status = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT).status
        expect(f"health of {name!r}", status, health_pb2.HealthCheckResponse.SERVING)
    say(f"{service} is SERVING")


def reflection(channel, version):
    """The messages of v1 and v1alpha are the same on the wire, and grpcio has only those of v1alpha."""
    return channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )


def check_no_reflection(channel, service, version):
    """It is unknown to a server where it is off."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    try:
        answers = list(reflection(channel, version)(iter([request]), timeout=TIMEOUT))
    except grpc.RpcError as error:
        expect("reflection where it is off", error.code(), grpc.StatusCode.UNIMPLEMENTED)
    else:
        sys.exit(f"  expected no reflection, got {answers}")
    say(f"{service} does not describe itself ({version})")


def check_reflection(channel, service, version):
    ask = reflection(channel, version)
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=service),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="google.rpc.ErrorInfo"),
    ]
    listed, contract, details = ask(iter(requests), timeout=TIMEOUT)
    names = {entry.name for entry in listed.list_services_response.service}
    mine = {name for name in names if name.startswith("kith.")}
    expect("services by reflection", mine, {service})
    expect("service by reflection", service in defined_in(contract, "service"), True)
    expect("ErrorInfo by reflection", "google.rpc.ErrorInfo" in defined_in(details, "message_type"), True)
    say(f"{service} describes itself and google.rpc.ErrorInfo ({version})")


def defined_in(response, kind):
    """The full names of what the files of a reflection response define."""
    files = map(FileDescriptorProto.FromString, response.file_descriptor_response.file_descriptor_proto)
    return {f"{file.package}.{entry.name}" for file in files for entry in getattr(file, kind)}


class Journey:
    """The calls, in the order in which a newcomer makes them."""

    def __init__(self, identity, social_graph, posts, messaging):
        self.users = import_module("kith.identity.v1.identity_service_pb2")
        self.follows = import_module("kith.social_graph.v1.social_graph_service_pb2")
        stub = import_module("kith.identity.v1.identity_service_pb2_grpc").IdentityServiceStub
        self.identity = stub(identity)
        stub = import_module("kith.social_graph.v1.social_graph_service_pb2_grpc").SocialGraphServiceStub
        self.social_graph = stub(social_graph)
        self.post_requests = import_module("kith.posts.v1.posts_service_pb2")
        self.post_messages = import_module("kith.posts.v1.post_pb2")
        stub = import_module("kith.posts.v1.posts_service_pb2_grpc").PostsServiceStub
        self.posts = stub(posts)
        self.messages = import_module("kith.messaging.v1.messaging_service_pb2")
        stub = import_module("kith.messaging.v1.messaging_service_pb2_grpc").MessagingServiceStub
        self.messaging = stub(messaging)
        # So that the journey can be made again on the same server.
        self.suffix = uuid.uuid4().hex[:12]

    def run(self, keep=False):
        """Makes them, and deletes both users again unless they are to be kept."""
        alice, bob = self.register("alice"), self.register("bob")
        self.register_is_refused_with_every_violation()
        self.register_of_a_taken_name_is_refused()
        self.no_token_is_refused(alice)
        as_alice, as_bob = self.sign_in(alice), self.sign_in(bob)
        self.follow(alice, bob, as_alice)
        self.following_oneself_is_refused(alice, as_alice)
        post = self.post(bob, as_bob)
        self.like(alice, post, as_alice)
        self.reply(alice, post, as_alice)
        self.the_timeline_has_it(post, as_alice)
        message = self.send(alice, bob, as_alice)
        self.read(message, as_bob, as_alice)
        self.a_block_ends_it(alice, bob, as_alice, as_bob)
        if keep:
            return
        self.delete(alice, as_alice)
        self.what_hung_on_the_user_is_gone(alice, bob, as_bob)
        self.delete(bob, as_bob)

    def register(self, name):
        username = f"{name}-{self.suffix}"
        request = self.users.RegisterRequest(
            username=username, email=f"{username}@example.com", password=PASSWORD, first_name=name.title()
        )
        account = self.identity.Register(request, timeout=TIMEOUT).account
        answered = (account.user.username, account.email, account.user.first_name, account.user.is_active)
        expect("account", answered, (username, request.email, name.title(), True))
        say(f"registered {username} as user {account.user.id}")
        return account.user

    def register_is_refused_with_every_violation(self):
        request = self.users.RegisterRequest(username="with space", email="nowhere", password="short")
        error, details = refusal(self.identity.Register, request)
        expect_refusal(error, details, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_MALFORMED")
        fields = [violation.field for violation in details["BadRequest"].field_violations]
        expect("violations", fields, ["username", "email", "password"])
        say("was told all three mistakes of a registration at once")

    def register_of_a_taken_name_is_refused(self):
        request = self.users.RegisterRequest(username=f"ALICE-{self.suffix}", password=PASSWORD)
        error, details = refusal(self.identity.Register, request)
        expect_refusal(error, details, grpc.StatusCode.ALREADY_EXISTS, "USERNAME_TAKEN")
        say("was told that a name is taken, whatever its case")

    def no_token_is_refused(self, user):
        error, details = refusal(self.identity.GetUser, self.users.GetUserRequest(user_id=user.id))
        expect_refusal(error, details, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")
        say("was refused without a token")

    def sign_in(self, user):
        """The metadata that makes a call the user's."""
        request = self.users.AuthenticateRequest(username=user.username, password=PASSWORD)
        answer = self.identity.Authenticate(request, timeout=TIMEOUT)
        metadata = [("authorization", f"Bearer {answer.access_token}")]
        who = self.identity.WhoAmI(self.users.WhoAmIRequest(), metadata=metadata, timeout=TIMEOUT)
        expect("who I am", who.user, user)
        say(f"signed in as {who.user.username}")
        return metadata

    def follow(self, follower, followed, metadata):
        request = self.follows.FollowRequest(user_id=followed.id)
        made = self.social_graph.Follow(request, metadata=metadata, timeout=TIMEOUT).follow
        expect("follow", (made.follower_id, made.followed_id), (follower.id, followed.id))
        expect("followers", self.followers(followed, metadata), [made])
        request = self.follows.GetCountsRequest(user_id=followed.id)
        counts = self.social_graph.GetCounts(request, metadata=metadata, timeout=TIMEOUT).counts
        expect("counts", (counts.followers_count, counts.following_count), (1, 0))
        say(f"{follower.username} follows {followed.username}, who has {counts.followers_count} follower")

    def followers(self, user, metadata):
        request = self.follows.ListFollowersRequest(user_id=user.id, page_size=10)
        page = self.social_graph.ListFollowers(request, metadata=metadata, timeout=TIMEOUT)
        expect("next page", page.next_page_token, "")
        return list(page.follows)

    def following_oneself_is_refused(self, user, metadata):
        request_id = f"python-{self.suffix}"
        request = self.follows.FollowRequest(user_id=user.id)
        metadata = [*metadata, ("x-request-id", request_id)]
        error, details = refusal(self.social_graph.Follow, request, metadata=metadata)
        expect_refusal(error, details, grpc.StatusCode.INVALID_ARGUMENT, "SELF_FOLLOW")
        constraint = {"constraint": "social_graph_follows_no_self_follow"}
        expect("metadata", dict(details["ErrorInfo"].metadata), constraint)
        fields = [violation.field for violation in details["BadRequest"].field_violations]
        expect("violations", fields, ["user_id"])
        expect("request id", details["RequestInfo"].request_id, request_id)
        say(f"could not follow itself: {error.details()} (request {request_id})")

    def post(self, author, metadata):
        """Posts twice with one request_id, as a client does that was not answered the first time."""
        request = self.post_requests.CreatePostRequest(
            content=f"Hello from #Python, says @{author.username}", request_id=str(uuid.uuid4())
        )
        made = self.posts.CreatePost(request, metadata=metadata, timeout=TIMEOUT)
        expect("replayed", made.replayed, False)
        post = made.post
        expect("author and type", (post.author_id, post.type), (author.id, self.post_messages.POST_TYPE_THOUGHTS))
        named = [(tag.tag, post.content[tag.start : tag.end]) for tag in post.hashtags]
        expect("hashtags", named, [("python", "#Python")])
        named = [(mention.user_id, post.content[mention.start : mention.end]) for mention in post.mentions]
        expect("mentions", named, [(author.id, f"@{author.username}")])
        again = self.posts.CreatePost(request, metadata=metadata, timeout=TIMEOUT)
        expect("replay", (again.replayed, again.post), (True, post))
        request.content = "Something else"
        error, details = refusal(self.posts.CreatePost, request, metadata=metadata)
        expect_refusal(error, details, grpc.StatusCode.FAILED_PRECONDITION, "REQUEST_ID_REUSED")
        say(f"{author.username} posted once, however often the request was sent")
        return post

    def like(self, user, post, metadata):
        request = self.post_requests.LikePostRequest(post_id=post.id)
        like = self.posts.LikePost(request, metadata=metadata, timeout=TIMEOUT).like
        expect("like", (like.post_id, like.user_id), (post.id, user.id))
        error, details = refusal(self.posts.LikePost, request, metadata=metadata)
        expect_refusal(error, details, grpc.StatusCode.ALREADY_EXISTS, "LIKE_EXISTS")
        now = self.posts.GetPost(
            self.post_requests.GetPostRequest(post_id=post.id), metadata=metadata, timeout=TIMEOUT
        ).post
        expect("likes", (now.likes_count, now.viewer.liked, now.etag), (1, True, post.etag))
        say(f"{user.username} likes it, once")

    def reply(self, user, post, metadata):
        request = self.post_requests.CreatePostRequest(content="Hello back", parent_id=post.id)
        reply = self.posts.CreatePost(request, metadata=metadata, timeout=TIMEOUT).post
        request = self.post_requests.GetThreadRequest(post_id=post.id)
        thread = self.posts.GetThread(request, metadata=metadata, timeout=TIMEOUT).thread
        expect("replies", [below.post for below in thread.replies], [reply])
        expect("comment_count", thread.post.comment_count, 1)
        say(f"{user.username} replied")

    def the_timeline_has_it(self, post, metadata):
        request = self.post_requests.ListHomeTimelineRequest()
        items = self.posts.ListHomeTimeline(request, metadata=metadata, timeout=TIMEOUT).items
        expect("timeline", [item.post.id for item in items], [post.id])
        say("the timeline of who follows has it")

    def send(self, sender, receiver, metadata):
        request = self.messages.SendMessageRequest(
            receiver_id=receiver.id, content="Shall we meet?", request_id=str(uuid.uuid4())
        )
        sent = self.messaging.SendMessage(request, metadata=metadata, timeout=TIMEOUT)
        again = self.messaging.SendMessage(request, metadata=metadata, timeout=TIMEOUT)
        expect("replay", (sent.replayed, again.replayed, again.message), (False, True, sent.message))
        expect("message", (sent.message.sender_id, sent.message.seq), (sender.id, 1))
        say(f"{sender.username} wrote to {receiver.username}, once")
        return sent.message

    def unread(self, metadata):
        request = self.messages.GetUnreadCountRequest()
        answer = self.messaging.GetUnreadCount(request, metadata=metadata, timeout=TIMEOUT)
        return answer.unread_count.count

    def read(self, message, as_receiver, as_sender):
        request = self.messages.ListConversationsRequest()
        page = self.messaging.ListConversations(request, metadata=as_receiver, timeout=TIMEOUT)
        told = [(one.last_message.id, one.unread_count.count) for one in page.conversations]
        expect("conversations", told, [(message.id, 1)])
        expect("unread", self.unread(as_receiver), 1)
        request = self.messages.MarkReadRequest(message_id=message.id)
        self.messaging.MarkRead(request, metadata=as_receiver, timeout=TIMEOUT)
        expect("unread", self.unread(as_receiver), 0)
        request = self.messages.GetMessageRequest(message_id=message.id)
        seen = self.messaging.GetMessage(request, metadata=as_sender, timeout=TIMEOUT).message
        expect("read, as the sender sees it", seen.is_read, True)
        say("it was unread, and is read")

    def a_block_ends_it(self, user, other, as_user, as_other):
        request = self.follows.BlockUserRequest(user_id=other.id)
        receipt = self.social_graph.BlockUser(request, metadata=as_user, timeout=TIMEOUT).receipt
        expect("what the block cut", (receipt.follow.follower_id, receipt.follow.followed_id), (user.id, other.id))
        writes = [
            (self.messaging.SendMessage, self.messages.SendMessageRequest(receiver_id=user.id, content="Hello?")),
            (self.social_graph.Follow, self.follows.FollowRequest(user_id=user.id)),
        ]
        for call, request in writes:
            error, details = refusal(call, request, metadata=as_other)
            expect_refusal(error, details, grpc.StatusCode.PERMISSION_DENIED, "INTERACTION_NOT_ALLOWED")
        request = self.follows.UnblockUserRequest(user_id=other.id)
        self.social_graph.UnblockUser(request, metadata=as_user, timeout=TIMEOUT)
        self.follow(user, other, as_user)
        say(f"{other.username} could do nothing while {user.username} blocked it")

    def delete(self, user, metadata):
        request = self.users.DeleteUserRequest(user_id=user.id)
        self.identity.DeleteUser(request, metadata=metadata, timeout=TIMEOUT)
        say(f"deleted {user.username}")

    def what_hung_on_the_user_is_gone(self, user, other, metadata):
        request = self.users.GetUserRequest(user_id=user.id)
        error, details = refusal(self.identity.GetUser, request, metadata=metadata)
        expect_refusal(error, details, grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
        resource = details["ResourceInfo"].resource_type
        expect("resource", resource, "kith.identity.v1.User")
        expect("followers", self.followers(other, metadata), [])
        say(f"{user.username} is gone, and its follow too")


def open_channel(target, service, arguments):
    """A connection to each address of a target, one call to each in turn; with TLS where authorities are given."""
    options = [("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}')]
    if not arguments.ca:
        return grpc.insecure_channel(target, options)
    if arguments.names:
        options.append(("grpc.ssl_target_name_override", arguments.names.format(service)))
    files = [path and path.read_bytes() for path in [arguments.ca, arguments.key, arguments.certificate]]
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(*files), options)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identity", default="127.0.0.1:50051", help="address of identity (%(default)s)")
    parser.add_argument("--social-graph", default="127.0.0.1:50052", help="address of social-graph (%(default)s)")
    parser.add_argument("--posts", default="127.0.0.1:50053", help="address of posts (%(default)s)")
    parser.add_argument("--messaging", default="127.0.0.1:50054", help="address of messaging (%(default)s)")
    parser.add_argument("--ca", type=Path, help="the authorities that vouch for the services; without it, no TLS")
    parser.add_argument("--certificate", type=Path, help="the certificate to show to them")
    parser.add_argument("--key", type=Path, help="its private key")
    parser.add_argument("--names", help="the name in a service's certificate, as in kith-{}.example.com")
    parser.add_argument("--reflection", choices=["open", "off"], default="open", help="as it is there (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the users, and all that hangs on them, at the end")
    return parser.parse_args()


def main():
    arguments = parse()
    services = {"identity": IDENTITY, "social-graph": SOCIAL_GRAPH, "posts": POSTS, "messaging": MESSAGING}
    check = check_reflection if arguments.reflection == "open" else check_no_reflection
    with ExitStack() as stack:
        make_stubs(stack.enter_context(tempfile.TemporaryDirectory()))
        channels = []
        for name, service in services.items():
            target = getattr(arguments, name.replace("-", "_"))
            channels.append(stack.enter_context(open_channel(target, name, arguments)))
            check_health(channels[-1], service)
            for version in ["v1", "v1alpha"]:
                check(channels[-1], service, version)
        Journey(*channels).run(arguments.keep)
    say("everything is as the contracts promise")


if __name__ == "__main__":
    main()
