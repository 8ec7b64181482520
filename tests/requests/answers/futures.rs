//! Futures polled once more after they are ready: a clear panic, never a wait without end.

use crate::support::World;
use actix_web::HttpResponse;
use actix_web::dev::{Service as _, ServiceRequest, Transform, fn_service};
use actix_web::test::TestRequest;
use axum::body::Body;
use axum::http::{Request, Response};
use jamguard::Authenticator;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use tower::{Layer, Service};

/// What polling a finished future panics with.
async fn panic_of<F: Future>(mut future: Pin<&mut F>) -> String {
    future.as_mut().await;
    let mut context = Context::from_waker(Waker::noop());
    let again = AssertUnwindSafe(|| future.as_mut().poll(&mut context).is_pending());
    match catch_unwind(again) {
        Ok(pending) => format!("no panic; pending: {pending}"),
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(_) => "another panic".to_owned(),
        },
    }
}

/// The bearer tokens of requests that pass, wait for keys, and are refused.
fn bearers(world: &World) -> [Option<String>; 3] {
    [None, Some(world.token()), Some("garbage".to_owned())]
}

async fn auth(world: &World) -> Authenticator {
    world.auth().build().unwrap()
}

#[tokio::test]
async fn a_finished_future_of_the_layer_panics_with_a_clear_message() {
    let world = World::new().await;
    let auth = auth(&world).await;
    let inner = tower::service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let mut layered = auth.layer().layer(inner);
    let mut guarded = auth.require_login().layer(inner);
    for bearer in bearers(&world) {
        let request = || {
            let request = Request::get("/");
            let request = match &bearer {
                Some(token) => request.header("authorization", format!("Bearer {token}")),
                None => request,
            };
            request.body(Body::empty()).unwrap()
        };
        let message = "AuthFuture polled after completion";
        assert_eq!(panic_of(pin!(layered.call(request()))).await, message);
        assert_eq!(panic_of(pin!(guarded.call(request()))).await, message);
    }
}

#[tokio::test]
async fn a_finished_future_of_the_middleware_panics_with_a_clear_message() {
    let world = World::new().await;
    let auth = auth(&world).await;
    let inner = || {
        fn_service(async |request: ServiceRequest| {
            Ok::<_, actix_web::Error>(request.into_response(HttpResponse::Ok().finish()))
        })
    };
    let layered = auth.actix().new_transform(inner()).await.unwrap();
    let guarded = auth.require_login().new_transform(inner()).await.unwrap();
    for bearer in bearers(&world) {
        let request = || {
            let request = TestRequest::get().uri("/");
            match &bearer {
                Some(token) => request.insert_header(("authorization", format!("Bearer {token}"))),
                None => request,
            }
            .to_srv_request()
        };
        let message = "ActixFuture polled after completion";
        assert_eq!(panic_of(pin!(layered.call(request()))).await, message);
        assert_eq!(panic_of(pin!(guarded.call(request()))).await, message);
    }
}
