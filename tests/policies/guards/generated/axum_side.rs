//! A generated application for axum.

use super::patterns::Pattern;
use super::{CHOSEN, Normalize, Random, World};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use axum::routing::any;
use jamguard::Authenticator;
use std::convert::Infallible;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};
use tower_http::normalize_path::NormalizePathLayer;

pub(super) type App = BoxCloneSyncService<Request<Body>, Response, Infallible>;

/// `None` for routes that axum does not take together.
pub(super) fn app(world: &World, auth: &Authenticator, random: &mut Random) -> Option<App> {
    let guard = auth.routes(world.table.clone());
    let mut known = matchit::Router::new();
    let (mut outer, mut inner) = (Router::new(), Router::new());
    let mut outer_patterns = Vec::new();
    for (number, pattern) in world.patterns.iter().enumerate() {
        let twin = pattern
            .other_slash()
            .filter(|twin| !world.patterns.contains(twin) && random.percent(30));
        for (pattern, required) in [(Some(pattern.clone()), true), (twin, false)] {
            let Some(pattern) = pattern else { continue };
            if known.insert(pattern.axum(), ()).is_err() {
                if required {
                    return None;
                }
                continue;
            }
            let route = any(move || async move { [(CHOSEN, number.to_string())] });
            match world.is_nested(&pattern) {
                true => inner = inner.route(&pattern.axum_from(1), route),
                false => {
                    outer_patterns.push(pattern.axum());
                    outer = outer.route(&pattern.axum(), route);
                }
            }
        }
    }
    let nest = |outer: Router, inner: Router| match &world.nested {
        Some(prefix) => outer.nest(&format!("/{prefix}"), inner),
        None => outer,
    };
    if world.guard_inside
        && let Some(prefix) = &world.nested
    {
        if let Normalize::Inside = world.normalize
            && takes_a_service(&outer_patterns, prefix)
        {
            let inner = NormalizePathLayer::trim_trailing_slash().layer(guard.layer(inner));
            let outer = outer.layer(guard);
            return Some(boxed(outer.nest_service(&format!("/{prefix}"), inner)));
        }
        return Some(normalized(world, nest(outer.layer(guard.clone()), inner.layer(guard))));
    }
    let router = nest(outer, inner);
    Some(match world.normalize {
        Normalize::Inside => boxed(guard.layer(normalized(world, router))),
        _ => normalized(world, router.layer(guard)),
    })
}

/// Whether a service can be nested beside these routes: it takes the path of its place too, and of
/// the paths below it those that no route beside it matches, however closely its own routes do.
fn takes_a_service(outer: &[String], prefix: &str) -> bool {
    let base = format!("/{prefix}");
    let below = format!("{base}/");
    let tail = format!("{below}{{*rest}}");
    let mut known = matchit::Router::new();
    let mut patterns = outer.iter().chain([&base, &below, &tail]);
    !outer.iter().any(|pattern| pattern.starts_with(&below))
        && patterns.all(|pattern| known.insert(pattern, ()).is_ok())
}

fn normalized(world: &World, router: Router) -> App {
    match world.normalize {
        Normalize::Never => boxed(router),
        _ => boxed(NormalizePathLayer::trim_trailing_slash().layer(router)),
    }
}

fn boxed<S>(service: S) -> App
where
    S: tower::Service<Request<Body>, Response = Response, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    BoxCloneSyncService::new(service)
}

/// The number of the route that answers.
pub(super) async fn send(app: &App, path: &str, bearer: &str) -> Option<usize> {
    let request =
        Request::builder().uri(path).header("authorization", bearer).body(Body::empty()).ok()?;
    let response = app.clone().oneshot(request).await.unwrap();
    let chosen = response.headers().get(CHOSEN)?;
    chosen.to_str().unwrap().parse().ok()
}

/// The pattern must be one that axum has.
#[test]
fn patterns_are_written_as_axum_has_them() {
    let mut random = Random(7);
    for _ in 0..100 {
        let pattern = Pattern::random(&mut random);
        let _: Router = Router::new().route(&pattern.axum(), any(|| async {}));
    }
}
