//! Attack 27: many requests of one session at the same time.

use crate::site::World;
use crate::support::{Request, receive};
use tokio::task::JoinSet;

#[tokio::test]
async fn attack_27_a_logout_among_1000_saves_is_final() {
    const SAVES: usize = 1000;
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        let mut saves = JoinSet::new();
        for number in 0..SAVES {
            let client = client.clone();
            saves.spawn(async move {
                let wait = number % 200;
                let request = Request::post("/slow", &format!("{wait} item"));
                receive(&mut client.begin(request).await, true).await
            });
        }
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        assert_eq!(
            client.clone().post("/logout", "").await.status,
            200,
            "{name}"
        );
        let (mut saved, mut refused, mut as_guest) = (0, 0, 0);
        while let Some(answer) = saves.join_next().await {
            let answer = answer.unwrap();
            let sets = answer.all("set-cookie");
            match answer.status {
                // It found the session, and saved before the logout.
                200 if sets.is_empty() => saved += 1,
                // It came after the logout, and began a guest's cart of its own.
                200 => {
                    assert!(!sets[0].contains("Max-Age=0"), "{name}");
                    as_guest += 1;
                }
                401 => {
                    assert!(crate::is_removal(&answer), "{name}");
                    refused += 1;
                }
                other => panic!("{name}: {other} {}", answer.text()),
            }
        }
        assert_eq!(world.count("ann").await, 0, "{name}");
        assert_eq!(client.clone().get("/who").await.status, 401, "{name}");
        assert_eq!(client.clone().items().await, "", "{name}");
        assert!(refused > 0, "{name}: the logout came too late to race");
        println!(
            "attack 27, {name}: a logout among {SAVES} saves: 0 came back; {saved} saved before, \
             {refused} were refused, {as_guest} came later, as a guest's"
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
            let mut writers = JoinSet::new();
            for number in 0..WRITERS {
                let client = client.clone();
                writers.spawn(async move {
                    let request = Request::post(path, &format!("50 item{number}"));
                    let answer = receive(&mut client.begin(request).await, true).await;
                    (number, answer.status)
                });
            }
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
