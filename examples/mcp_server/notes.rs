//! The MCP server itself: two tools over a list of notes. It knows nothing of tokens and scopes.

use axum::http::request::Parts;
use jamguard::Identity;
use rmcp::handler::server::{tool::Extension, wrapper::Parameters};
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

#[derive(Deserialize, schemars::JsonSchema)]
pub(crate) struct NewNote {
    /// The text of the note.
    text: String,
}

#[tool_router]
impl Notes {
    #[tool(description = "Reads all notes")]
    fn read_notes(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    #[tool(description = "Adds a note")]
    fn add_note(
        &self,
        Parameters(note): Parameters<NewNote>,
        Extension(parts): Extension<Parts>,
    ) -> String {
        // rmcp passes the head of the HTTP request on, with what the guard attached to it.
        let user = Identity::from_extensions(&parts.extensions).and_then(Identity::subject);
        let note = format!("{}: {}", user.unwrap_or("unknown"), note.text);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note.clone());
        note
    }
}

#[tool_handler]
impl ServerHandler for Notes {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_instructions("Reads and adds notes")
    }
}

/// Returns the service for `nest_service`. On a public host, name it with `with_allowed_hosts`.
pub(crate) fn service() -> StreamableHttpService<Notes, LocalSessionManager> {
    let notes = Notes::default();
    StreamableHttpService::new(
        move || Ok(notes.clone()),
        LocalSessionManager::default().into(),
        StreamableHttpServerConfig::default(),
    )
}
