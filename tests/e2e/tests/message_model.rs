//! Whatever users do in whatever order, lists, conversations and counts agree with a small model of messaging in memory,
//! after each step and for each user.

mod model;
mod seen;
mod steps;

use std::collections::BTreeMap;

use kith_contracts::identity::v1::DeleteUserRequest;
use kith_contracts::messaging::v1::get_conversation_request::Key;
use kith_contracts::messaging::v1::*;
use kith_contracts::social_graph::v1::{
    BatchBefriendRequest, BlockUserRequest, FollowRequest, FriendPair, UnblockUserRequest,
};
use kith_testkit::{Refusal, TestApp, TestUser, execute};
use model::Model;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use seen::{Seen, SeenConversation, SeenMessage};
use steps::{PEOPLE, Step, steps};
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tonic::Status;

use crate::message_storm::people;
use crate::size;

/// Some users, and what they should see.
struct Case<'a> {
    app: &'a TestApp,
    people: Vec<TestUser>,
    model: Model,
    /// Of each message of the model, in its order.
    message_ids: Vec<i64>,
    /// Of each conversation of the model, in its order.
    conversation_ids: Vec<i64>,
}

fn reason(status: &Status) -> String {
    Refusal::of(status).reason
}

fn counted(count: Option<UnreadCount>) -> Result<usize, String> {
    let count = count.ok_or("no count")?;
    usize::try_from(count.count).map_err(|error| error.to_string())
}

/// One arm for the answer of a call that may be refused: the reason, or what is taken from the answer.
macro_rules! told {
    ($call:expr, $answer:ident => $told:expr) => {
        match $call.await.map(tonic::Response::into_inner) {
            Ok($answer) => Ok($told),
            Err(status) => Err(reason(&status)),
        }
    };
}

impl<'a> Case<'a> {
    async fn new(app: &'a TestApp) -> Self {
        Self {
            app,
            people: people(app, PEOPLE).await,
            model: Model::default(),
            message_ids: Vec::new(),
            conversation_ids: Vec::new(),
        }
    }

    /// Takes a step in both, and compares what comes of it and what everybody sees after it.
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        let expected = self.model.take(step);
        let told = self.take(step).await?;
        if told != expected {
            return Err(format!("{step:?}: told {told:?}, expected {expected:?}"));
        }
        let (one, two, three) = tokio::join!(self.seen(0), self.seen(1), self.seen(2));
        for (person, seen) in [one?, two?, three?].into_iter().enumerate() {
            let expected = self.model.seen(person);
            if seen != expected {
                return Err(format!(
                    "{step:?}: {person} sees {seen:#?}, expected {expected:#?}"
                ));
            }
        }
        Ok(())
    }

    /// What the services tell of a step: a number that the step is about, or the reason why not.
    async fn take(&mut self, step: &Step) -> Result<Result<usize, String>, String> {
        Ok(match step {
            Step::Send { from, to } => self.send(*from, *to).await?,
            Step::Edit { by, .. }
            | Step::Delete { by, .. }
            | Step::Hide { by, .. }
            | Step::Mark { by, .. } => match self.model.picked(step) {
                Some(picked) => self.change(*by, self.message_ids[picked], step).await?,
                None => Ok(0),
            },
            Step::MarkAll { by, conversation } => {
                let picked = conversation.and_then(|pick| self.model.picked_conversation(pick));
                let conversation_id = picked.map_or(0, |place| self.conversation_ids[place]);
                let request = MarkAllReadRequest { conversation_id };
                let mut client = self.app.messaging(&self.people[*by]);
                told!(client.mark_all_read(request), answer => counted(answer.unread_count)?)
            }
            Step::Set { by, senders } => {
                let request = UpdateMessagingSettingsRequest {
                    accepted_senders: Some((*senders).into()),
                    ..Default::default()
                };
                let mut client = self.app.messaging(&self.people[*by]);
                told!(client.update_messaging_settings(request), _answer => 0)
            }
            Step::DeleteUser { who } => {
                let operator = self.app.operator(&["identity.users.delete"]);
                let request = DeleteUserRequest {
                    user_id: self.people[*who].id,
                    allow_missing: true,
                };
                told!(self.app.identity(&operator).delete_user(request), _answer => 0)
            }
            Step::Block { .. } | Step::Unblock { .. } | Step::Follow { .. } | Step::Befriend { .. } => {
                self.relate(step).await;
                Ok(0)
            }
        })
    }

    async fn send(&mut self, from: usize, to: usize) -> Result<Result<usize, String>, String> {
        let request = SendMessageRequest {
            receiver_id: self.people[to].id,
            content: self.message_ids.len().to_string(),
            request_id: String::new(),
        };
        let sent = self.app.messaging(&self.people[from]).send_message(request).await;
        let sent = match sent.map(tonic::Response::into_inner) {
            Ok(sent) => sent,
            Err(status) => return Ok(Err(reason(&status))),
        };
        let message = sent.message.ok_or("no message")?;
        self.message_ids.push(message.id);
        if message.seq == 1 {
            self.conversation_ids.push(message.conversation_id);
        }
        Ok(Ok(counted(sent.unread_count)?))
    }

    async fn change(&self, by: usize, message_id: i64, step: &Step) -> Result<Result<usize, String>, String> {
        let mut client = self.app.messaging(&self.people[by]);
        let delete = |scope: DeleteMessageScope| DeleteMessageRequest {
            message_id,
            scope: scope.into(),
            allow_missing: false,
        };
        Ok(match step {
            Step::Edit { content, .. } => {
                let request = EditMessageRequest {
                    message_id,
                    content: content.to_string(),
                    etag: String::new(),
                };
                told!(client.edit_message(request), _answer => 0)
            }
            Step::Delete { .. } => {
                told!(client.delete_message(delete(DeleteMessageScope::Both)), _answer => 0)
            }
            Step::Hide { .. } => {
                told!(client.delete_message(delete(DeleteMessageScope::Caller)), _answer => 0)
            }
            _ => {
                let request = MarkReadRequest { message_id };
                told!(client.mark_read(request), answer => counted(answer.unread_count)?)
            }
        })
    }

    /// What is not messaging's: whether it is refused, for example beside a block, the model knows too.
    async fn relate(&self, step: &Step) {
        let id = |person: &usize| self.people[*person].id;
        let graph = |person: &usize| self.app.social_graph(&self.people[*person]);
        // Refusals have no effect, and effects are seen in what messaging does.
        match step {
            Step::Block { by, who } => {
                let request = BlockUserRequest {
                    user_id: id(who),
                    allow_existing: true,
                };
                let _ = graph(by).block_user(request).await;
            }
            Step::Unblock { by, who } => {
                let request = UnblockUserRequest {
                    user_id: id(who),
                    allow_missing: true,
                };
                let _ = graph(by).unblock_user(request).await;
            }
            Step::Follow { by, who } => {
                let request = FollowRequest {
                    user_id: id(who),
                    allow_existing: true,
                };
                let _ = graph(by).follow(request).await;
            }
            Step::Befriend { by, who } => {
                let pair = FriendPair {
                    user_id: id(by),
                    friend_id: id(who),
                };
                let request = BatchBefriendRequest {
                    pairs: vec![pair],
                    allow_existing: true,
                };
                let importer = self.app.operator(&["social_graph.friendships.import"]);
                let _ = self.app.social_graph(&importer).batch_befriend(request).await;
            }
            _ => {}
        }
    }

    /// All that a user sees, with ids as the model has them.
    async fn seen(&self, person: usize) -> Result<Seen, String> {
        let mut client = self.app.messaging(&self.people[person]);
        let listed = client
            .list_conversations(ListConversationsRequest::default())
            .await;
        let listed = listed
            .map_err(|status| reason(&status))?
            .into_inner()
            .conversations;
        let listed: Result<Vec<_>, String> = listed.into_iter().map(|one| self.conversation(one)).collect();
        let unread = client.get_unread_count(GetUnreadCountRequest::default()).await;
        let unread = unread.map_err(|status| reason(&status))?.into_inner();
        let mut conversations = BTreeMap::new();
        for (place, id) in self.conversation_ids.iter().enumerate() {
            conversations.insert(place, self.looked_into(person, *id).await?);
        }
        Ok(Seen {
            listed: listed?,
            unread: counted(unread.unread_count)?,
            conversations,
        })
    }

    /// What GetConversation, GetUnreadCount and ListMessages, both ways, tell of one; `None` when all say that there is none.
    async fn looked_into(
        &self,
        person: usize,
        conversation_id: i64,
    ) -> Result<Option<(SeenConversation, Vec<SeenMessage>)>, String> {
        let mut client = self.app.messaging(&self.people[person]);
        let found = client
            .get_conversation(GetConversationRequest {
                key: Some(Key::ConversationId(conversation_id)),
            })
            .await;
        let unread = client
            .get_unread_count(GetUnreadCountRequest { conversation_id })
            .await;
        let mut request = ListMessagesRequest {
            conversation_id,
            page_size: 100,
            ..Default::default()
        };
        let backward = client.list_messages(request.clone()).await;
        request.after_seq = Some(0);
        let forward = client.list_messages(request).await;
        let reasons = [
            found.as_ref().err().map(reason),
            unread.as_ref().err().map(reason),
            backward.as_ref().err().map(reason),
            forward.as_ref().err().map(reason),
        ];
        if reasons
            .iter()
            .all(|reason| reason.as_deref() == Some("CONVERSATION_NOT_FOUND"))
        {
            return Ok(None);
        }
        let (Ok(found), Ok(unread), Ok(backward), Ok(forward)) = (found, unread, backward, forward) else {
            return Err(format!("not the same by all: {reasons:?}"));
        };
        let found = self.conversation(found.into_inner().conversation.ok_or("no conversation")?)?;
        let mut messages = backward.into_inner().messages;
        messages.reverse();
        if messages != forward.into_inner().messages {
            return Err("pages differ by their direction".to_owned());
        }
        if counted(unread.into_inner().unread_count)? != found.unread {
            return Err("counts differ".to_owned());
        }
        let messages: Result<Vec<_>, _> = messages.into_iter().map(|one| self.message(one)).collect();
        Ok(Some((found, messages?)))
    }

    fn conversation(&self, found: Conversation) -> Result<SeenConversation, String> {
        Ok(SeenConversation {
            place: place_of(&self.conversation_ids, found.id)?,
            peer: self.person(found.peer_id)?,
            last_seq: found.last_seq,
            read_seq: found.read_seq,
            unread: counted(found.unread_count)?,
            last_message: found.last_message.map(|last| self.message(last)).transpose()?,
        })
    }

    fn message(&self, message: Message) -> Result<SeenMessage, String> {
        Ok(SeenMessage {
            place: place_of(&self.message_ids, message.id)?,
            seq: message.seq,
            sender: self.person(message.sender_id)?,
            receiver: self.person(message.receiver_id)?,
            is_deleted: message.delete_time.is_some(),
            is_edited: message.edit_time.is_some(),
            content: message.content,
            is_read: message.is_read,
        })
    }

    fn person(&self, id: i64) -> Result<usize, String> {
        let place = self.people.iter().position(|person| person.id == id);
        place.ok_or_else(|| format!("users/{id} is none of them"))
    }
}

fn place_of(ids: &[i64], id: i64) -> Result<usize, String> {
    let place = ids.iter().position(|known| *known == id);
    place.ok_or_else(|| format!("nobody knows {id}"))
}

/// Runs so many cases, the same ones each time; the shortest that fails, if any does.
fn run(app: &TestApp, cases: usize) -> Option<(Vec<Step>, String)> {
    let config = Config {
        cases: u32::try_from(cases).expect("small"),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    let outcome = runner.run(&steps(), |steps| {
        let run = async {
            let mut case = Case::new(app).await;
            for step in &steps {
                case.step(step).await.map_err(TestCaseError::fail)?;
            }
            Ok(())
        };
        block_in_place(|| Handle::current().block_on(run))
    });
    match outcome {
        Ok(()) => None,
        Err(TestError::Fail(reason, steps)) => Some((steps, reason.to_string())),
        Err(TestError::Abort(reason)) => panic!("no cases: {reason}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_counts_and_conversations_always_agree_with_the_model() {
    let app = TestApp::start().await;
    if let Some((steps, reason)) = run(&app, size::of(12, 500)) {
        panic!("{steps:#?}\n{reason}");
    }
    app.database.assert_invariants().await;
}

/// What has been marked counts as unread still.
const UNREAD_FROM_THE_MARK_ON: &str = "
    CREATE OR REPLACE FUNCTION messaging.unread(reader_id bigint, in_conversation bigint, marked_seq bigint)
        RETURNS SETOF bigint LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT seq FROM messaging.messages
        WHERE conversation_id = in_conversation AND receiver_id = reader_id AND seq >= marked_seq
            AND content IS NOT NULL AND NOT hidden_from_receiver;
    END";

#[tokio::test(flavor = "multi_thread")]
async fn an_unread_count_that_is_wrong_by_one_is_found_and_told_by_two_steps() {
    let app = TestApp::start().await;
    execute(&app, UNREAD_FROM_THE_MARK_ON).await;
    let (steps, reason) = run(&app, 100).expect("a case that fails");
    println!("{steps:#?}\n{reason}");
    assert_eq!(steps.len(), 2, "{steps:#?}");
    assert!(matches!(steps[0], Step::Send { .. }), "{steps:#?}");
    assert!(
        matches!(steps[1], Step::Mark { .. } | Step::MarkAll { .. }),
        "{steps:#?}"
    );
}
