//! Attack 27 of `docs/attacks.md`: many requests of one session at the same time.

use crate::http::site::{GATE, World, closed_gate};
use crate::support::{Request, receive};
use tokio::task::JoinSet;

#[tokio::test]
async fn attack_27_a_logout_among_1000_saves_is_final() {
    const SAVES: usize = 1000;
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        world.store.asked();
        let mut saves = JoinSet::new();
        for _ in 0..SAVES {
            let client = client.clone();
            saves.spawn(async move {
                let request = Request::post("/gated", "item");
                receive(&mut client.begin(request).await, true).await
            });
        }
        let mut read = 0;
        let all_read = async || {
            read += world.store.asked().0;
            read >= SAVES as u64
        };
        crate::support::wait::until("all have read the session", all_read).await;
        // All have read the session, none has saved it. Now half of them go on, and the logout among
        // them; the others come after it.
        let mut leaving = client.clone();
        let (logout, ()) = tokio::join!(leaving.post("/logout", ""), async {
            for _ in 0..SAVES / 2 {
                GATE.add_permits(1);
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(logout.status, 200, "{name}");
        GATE.add_permits(SAVES / 2);
        let (mut saved, mut refused) = (0, 0);
        while let Some(answer) = saves.join_next().await {
            let answer = answer.unwrap();
            match answer.status {
                200 => saved += 1,
                401 => {
                    assert!(crate::http::is_removal(&answer), "{name}");
                    refused += 1;
                }
                other => panic!("{name}: {other} {}", answer.text()),
            }
        }
        assert_eq!(world.count("ann").await, 0, "{name}");
        assert_eq!(client.clone().get("/who").await.status, 401, "{name}");
        assert_eq!(client.clone().items().await, "", "{name}");
        assert_eq!(saved + refused, SAVES, "{name}");
        assert!(refused >= SAVES / 2, "{name}");
        println!(
            "attack 27, {name}: a logout among {SAVES} saves under way: 0 came back; {saved} saved \
             before it, {refused} were refused"
        );
    }
}

#[tokio::test]
async fn attack_27_of_100_writers_every_write_is_kept_or_told_of_its_conflict() {
    const WRITERS: usize = 100;
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        for (path, told) in [("/slow", false), ("/merged", false), ("/by-hand", true)] {
            client.post("/set", "0 tea").await;
            let (gate_name, gate) = closed_gate();
            let mut writers = JoinSet::new();
            for number in 0..WRITERS {
                let client = client.clone();
                let request = Request::post(path, &format!("{gate_name} item{number}"));
                writers.spawn(async move {
                    let answer = receive(&mut client.begin(request).await, true).await;
                    (number, answer.status)
                });
            }
            gate.until_waiting(WRITERS).await;
            gate.open();
            let (mut kept, mut conflicts) = (Vec::new(), 0);
            while let Some(answer) = writers.join_next().await {
                match answer.unwrap() {
                    (number, 200) => kept.push(format!("item{number}")),
                    (_, 409) => conflicts += 1,
                    (_, other) => panic!("{name} {path}: {other}"),
                }
            }
            let items = client.items().await;
            let mut items: Vec<_> = items.split(' ').skip(1).map(str::to_owned).collect();
            items.sort();
            kept.sort();
            assert_eq!(items, kept, "{name} {path}");
            assert_eq!(conflicts > 0, told, "{name} {path}: {conflicts} conflicts");
            println!(
                "attack 27, {name}, {path}: {WRITERS} writers at once: {} kept, {conflicts} told \
                 of their conflict, 0 lost",
                kept.len()
            );
        }
    }
}
