//! A generated application for actix-web.

use super::patterns::Pattern;
use super::{CHOSEN, Normalize, Random, World};
use actix_web::dev::Service;
use actix_web::middleware::{Condition, NormalizePath};
use actix_web::{App, HttpResponse, web};
use jamguard::Authenticator;

/// Sends each path to the application of a world, and tells `then` the number of the route that
/// answered.
pub(super) async fn send_each(
    world: &World,
    auth: &Authenticator,
    random: &mut Random,
    paths: &[String],
    bearer: &str,
    mut then: impl FnMut(&str, Option<usize>),
) {
    let guard = auth.routes(world.table.clone());
    let scoped = world.guard_inside && world.nested.is_some();
    let normalize = |here: bool| Condition::new(here, NormalizePath::trim());
    let app = App::new()
        .wrap(normalize(matches!(world.normalize, Normalize::Inside)))
        .wrap(Condition::new(!scoped, guard.clone()))
        .wrap(normalize(matches!(world.normalize, Normalize::Outside)))
        .configure(|services| {
            let order = closer_first(&world.patterns, random);
            let mut resource = |number: usize, first: usize| {
                let pattern = &world.patterns[number];
                let twin = pattern
                    .other_slash()
                    .filter(|twin| !world.patterns.contains(twin) && random.percent(30));
                let paths: Vec<String> = [Some(pattern.clone()), twin]
                    .into_iter()
                    .flatten()
                    .map(|pattern| pattern.actix_from(first, random))
                    .collect();
                web::resource(paths).to(move || async move {
                    HttpResponse::Ok().insert_header((CHOSEN, number.to_string())).finish()
                })
            };
            let mut scope = world
                .nested
                .as_ref()
                .map(|prefix| web::scope(&format!("/{}", prefix.replace("%C3%A9", "\u{e9}"))));
            for number in &order {
                if !world.is_nested(&world.patterns[*number]) {
                    let resource = resource(*number, 0);
                    services.service(resource.wrap(Condition::new(scoped, guard.clone())));
                } else if let Some(mut scope) = scope.take() {
                    // A scope takes every path below it: it stands where the closest of its routes does.
                    let nested = order.iter().filter(|at| world.is_nested(&world.patterns[**at]));
                    for number in nested {
                        scope = scope.service(resource(*number, 1));
                    }
                    services.service(scope.wrap(Condition::new(scoped, guard.clone())));
                }
            }
        });
    let service = actix_web::test::init_service(app).await;
    for path in paths {
        let Ok(uri) = path.parse::<actix_web::http::Uri>() else {
            continue;
        };
        let request = actix_web::test::TestRequest::with_uri(&uri.to_string())
            .insert_header(("authorization", bearer))
            .to_request();
        let chosen = service.call(request).await.ok().and_then(|response| {
            let chosen = response.headers().get(CHOSEN)?;
            chosen.to_str().unwrap().parse().ok()
        });
        then(path, chosen);
    }
}

/// The patterns' numbers in a random order, but each before those of which it is a special case.
fn closer_first(patterns: &[Pattern], random: &mut Random) -> Vec<usize> {
    let mut left: Vec<usize> = (0..patterns.len()).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let at = random.below(left.len());
        let own = &patterns[left[at]];
        let is_special = |other: &usize| {
            let other = &patterns[*other];
            other.is_special_case_of(own) && !own.is_special_case_of(other)
        };
        if !left.iter().any(is_special) {
            order.push(left.remove(at));
        }
    }
    order
}
