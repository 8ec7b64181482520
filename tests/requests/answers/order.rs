//! CORS goes outside the layer: the example, driven.

use super::ID;
use crate::support::{ANN, Request, World, send, serve_axum};

#[path = "../../../examples/cors.rs"]
#[allow(dead_code)]
mod example;

#[tokio::test]
async fn a_preflight_passes_and_refusals_carry_the_cors_headers() {
    let world = World::new().await;
    let (address, _server) = serve_axum(example::app(&world.auth().build().unwrap())).await;
    let from_page = |request: Request| request.header("origin", example::PAGE);

    // A preflight carries no credential; a browser may send cookies along all the same.
    for preflight in
        [Request::new("OPTIONS", "/me"), Request::new("OPTIONS", "/me").cookie(ID, "garbage")]
    {
        let preflight = from_page(preflight)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization");
        let answer = send(address, &preflight).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(example::PAGE));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization"));
        assert_eq!(answer.header("www-authenticate"), None);
        assert_eq!(answer.header("set-cookie"), None);
    }

    let answer = send(address, &from_page(Request::get("/me"))).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some(example::PAGE));
    assert_eq!(answer.header("access-control-expose-headers"), Some("www-authenticate"));
    assert!(answer.all("vary").contains(&"authorization, cookie"));

    let answer = send(address, &from_page(Request::get("/me").bearer(&world.token()))).await;
    assert_eq!(answer.text(), ANN);
    assert_eq!(answer.header("access-control-allow-origin"), Some(example::PAGE));
}
