//! What real libzmq wrote is understood, and what we write in its place is the same to the byte.

mod support;

use rpyc_zmtp::SocketType;
use support::fixtures::{self, Connection, End};
use support::{settle, Heard, Side};

/// Takes the place of one end of a taped connection; what we heard from the other end.
fn replay(ours: &End, theirs: &End) -> Vec<Heard> {
    // What the end in question said, understood by the other one.
    let mut listener = Side::of(theirs.socket_type);
    listener.receive(&ours.wrote);
    assert_eq!(listener.failed, None);

    let mut side = Side::of(ours.socket_type);
    side.receive(&theirs.wrote);
    assert_eq!(side.failed, None);
    for heard in listener.heard {
        match heard {
            Heard::Message(parts) => side.say(&parts),
            Heard::Subscribe(topic) => side
                .session
                .subscribe(&topic, &mut side.out)
                .expect("it is sent"),
            Heard::Ready(kind, identity) => {
                assert_eq!((kind, identity.len()), (ours.socket_type, 0));
            }
            other => panic!("{other:?} is on no tape"),
        }
    }
    assert_eq!(side.out, ours.wrote);
    side.heard
}

#[test]
fn every_taped_connection_is_replayed_in_the_place_of_either_end() {
    for Connection {
        name,
        connecter,
        binder,
    } in fixtures::connections(&fixtures::load())
    {
        let as_binder = replay(&binder, &connecter);
        let as_connecter = replay(&connecter, &binder);
        let count = |heard: &[Heard]| {
            let messages = heard.iter().filter(|it| matches!(it, Heard::Message(_)));
            (heard.len(), messages.count())
        };
        let expected = match name {
            "rpc_ping_add" => ((3, 2), (3, 2)),
            "push_pull" => ((2, 1), (1, 0)),
            _ => ((2, 1), (2, 0)), // the publisher hears a subscription
        };
        assert_eq!(
            (count(&as_binder), count(&as_connecter)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn every_message_of_zerorpc_and_infi_rpc_goes_through_unchanged() {
    let messages = fixtures::messages(&fixtures::load());
    assert!(messages.len() > 200, "{}", messages.len());
    let mut client = Side::of(SocketType::Dealer);
    let mut server = Side::of(SocketType::Router);
    settle(&mut client, &mut server);
    for parts in &messages {
        client.say(parts);
        server.say(parts);
    }
    settle(&mut client, &mut server);
    for side in [client, server] {
        let heard = side.heard.into_iter().skip(1);
        assert!(heard.eq(messages.iter().cloned().map(Heard::Message)));
    }
}
