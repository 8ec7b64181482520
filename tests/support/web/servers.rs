//! Both servers on free loopback ports, for as long as a test needs them.

use super::site::Site;
use crate::support::{Request, Response, send};
use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::Condition;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use jamguard::ActixAuth;
use std::net::SocketAddr;
use std::thread;

/// An axum and an actix-web server of one app; dropping it stops them.
pub(crate) struct Servers {
    pub(crate) axum: SocketAddr,
    pub(crate) actix: SocketAddr,
    axum_task: tokio::task::JoinHandle<()>,
    actix_handle: ServerHandle,
    actix_thread: Option<thread::JoinHandle<()>>,
}

impl Servers {
    pub(crate) async fn start(site: Site) -> Self {
        let (auth, layered) = (site.auth().clone(), site.is_layered());
        let wrap = move || Condition::new(layered, auth.actix());
        Self::serve(site.axum(), wrap, move |config| site.actix(config)).await
    }

    /// Another app than [`Site`]; `routes` are actix-web's, `wrap` makes what goes around them.
    pub(crate) async fn serve(
        router: axum::Router,
        wrap: impl Fn() -> Condition<ActixAuth> + Clone + Send + 'static,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        Self::apps(router, move || App::new().wrap(wrap()).configure(routes.clone())).await
    }

    /// Any two apps.
    pub(crate) async fn apps<T, B>(
        router: axum::Router,
        app: impl Fn() -> App<T> + Clone + Send + 'static,
    ) -> Self
    where
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<B>,
                Error = actix_web::Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        let (axum, axum_task) = serve_axum(router).await;
        let (actix, actix_handle, actix_thread) = serve_actix(app).await;
        Self { axum, actix, axum_task, actix_handle, actix_thread: Some(actix_thread) }
    }

    pub(crate) fn each(&self) -> [(&'static str, SocketAddr); 2] {
        [("axum", self.axum), ("actix-web", self.actix)]
    }

    /// The answer to a request, which must be the same of both.
    pub(crate) async fn ask(&self, request: Request) -> Response {
        self.compare(&request).await.unwrap_or_else(|difference| panic!("{difference}"))
    }

    /// The answer that both give, or how they differ.
    pub(crate) async fn compare(&self, request: &Request) -> Result<Response, String> {
        let (axum, actix) = tokio::join!(send(self.axum, request), send(self.actix, request));
        let (ours, theirs) = (axum.comparable(), actix.comparable());
        if ours == theirs {
            return Ok(axum);
        }
        let asked = request.bytes();
        let asked = String::from_utf8_lossy(&asked);
        Err(format!("asked\n{asked}\naxum\n{ours}\nactix-web\n{theirs}"))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.axum_task.abort();
        // The command goes out at once, the future only waits for its end.
        drop(self.actix_handle.stop(false));
        if let Some(thread) = self.actix_thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) async fn serve_axum(router: axum::Router) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, task)
}

async fn serve_actix<T, B>(
    app: impl Fn() -> App<T> + Clone + Send + 'static,
) -> (SocketAddr, ServerHandle, thread::JoinHandle<()>)
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let (started, wait) = tokio::sync::oneshot::channel();
    let thread = thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server =
                HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            let _ = started.send((address, server.handle()));
            server.await.unwrap();
        });
    });
    let (address, handle) = wait.await.expect("actix-web starts");
    (address, handle, thread)
}
