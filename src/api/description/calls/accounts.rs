//! Accounts and logins.

use utoipa::openapi::path::HttpMethod::{Get, Post};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::api::auth::{Credentials, Ended, Refresh, Tokens, UserJson};
use crate::api::description::call::Who::{Anyone, Either, Scoped};
use crate::api::description::call::{Call, FORM, JSON, query};
use crate::models::Scope;
use crate::web::new_account::NewAccount;

/// In the order in which one meets them.
pub fn calls() -> Vec<Call> {
    let call = |method, path, id, summary| Call::new(method, path, "Accounts", id, summary);
    vec![
        call(Post, "/api/v1/auth/register", "register", "Make an account")
            .says("The first account is the administrator's. Logging in is another call.")
            .by(Anyone)
            .sends::<NewAccount>(JSON)
            .answers::<UserJson>(201, "The account.")
            .problem(403, "Nobody can make an account here, or only with an invitation that is still good.")
            .problem(409, "Somebody has that username or email address.")
            .problem(422, "Fields are wrong."),
        call(Post, "/api/v1/auth/token", "logIn", "Log in")
            .says(
                "OAuth 2's password flow (RFC 6749, 4.3). The login stands among the devices on the account page. It ends by \
                 logging out, there or here, when the password is changed, or when it was not used for 30 days. The same fields \
                 are taken as JSON too.",
            )
            .by(Anyone)
            .sends::<Credentials>(FORM)
            .answers::<Tokens>(200, "A pair of tokens.")
            .problem(401, "The username or the password is wrong; which of them is not told.")
            .problem(422, "The body is JSON of another shape."),
        call(Post, "/api/v1/auth/refresh", "refreshTokens", "Get the next tokens")
            .says("The refresh token is worth nothing from then on. Whoever shows it again ends the login: one of two who have it should not. A form is taken too.")
            .by(Anyone)
            .sends::<Refresh>(JSON)
            .answers::<Tokens>(200, "A new pair.")
            .problem(401, "The refresh token is not good any more.")
            .problem(422, "The body is JSON of another shape."),
        call(Post, "/api/v1/auth/logout", "logOut", "Log out")
            .says("Ends the login of the refresh token in the body; without a body, the login whose access token or cookie comes with the request. A form is taken too.")
            .by(Either)
            .sends::<Ended>(JSON)
            .or_nothing()
            .answers_nothing(204, "It is over: both tokens are worth nothing from here on.")
            .problem(401, "The refresh token is not good any more.")
            .problem(422, "The body is JSON of another shape."),
        call(Get, "/api/v1/auth/login", "logInElsewhere", "Log in with a provider")
            .says(
                "For programs that can open a browser, or keep cookies themselves: leads to the OpenID Connect provider, which leads \
                 back to `/api/v1/auth/callback`. No HEAD.",
            )
            .by(Anyone)
            .takes(query(
                "invitation",
                "The secret of an invitation link, where accounts are made by invitation alone.",
                text("q4vJ0m8uYk1c0v0mJ3xg7m"),
            ))
            .answers_nothing(303, "Go on at the provider.")
            .with_header(303, "Location", "The provider's address.")
            .with_header(303, "Set-Cookie", "What has to come back with the browser.")
            .problem(400, "The address cannot be read.")
            .problem(404, "No provider is configured.")
            .problem(503, "The provider does not answer."),
        call(Get, "/api/v1/auth/callback", "finishLogInElsewhere", "Come back from the provider")
            .says("The provider leads here, with what it has to say, and what the cookie was set for. No HEAD.")
            .by(Anyone)
            .takes(query("code", "What the provider gave.", text("SplxlOBeZQQYbYS6WxSbIA")))
            .takes(query("state", "As it was sent to the provider.", text("af0ifjsldkj")))
            .takes(query("iss", "Who the provider says it is (RFC 9207).", text("https://id.example")))
            .takes(query("error", "Why the provider lets nobody in.", text("access_denied")))
            .takes(query("error_description", "The same for the log.", text("The user said no.")))
            .answers::<Tokens>(200, "A pair of tokens.")
            .problem(400, "The address cannot be read.")
            .problem(
                403,
                "This login is not good: it took too long, was begun elsewhere, or the provider said no. Or nobody new is let in, or \
                 not by this invitation.",
            )
            .problem(404, "No provider is configured.")
            .problem(503, "The provider does not answer."),
        call(Get, "/api/v1/auth/me", "showMe", "Who am I")
            .by(Scoped(Scope::ReadAccount))
            .answers::<UserJson>(200, "The account."),
    ]
}

fn text(example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).examples([example])
}
