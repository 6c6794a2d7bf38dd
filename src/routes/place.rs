//! A line of the table of routes. It keeps beside what the router is told what it was told, so that tests know every route.

use actix_web::guard::{Any, Get, Head};
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Resource, Responder, Route, web};

/// A pattern, and what can be done there.
pub struct Place {
    /// As the router has it; a resource of the API may also end with a slash.
    pub pattern: String,
    /// GET stands for HEAD too.
    pub methods: Vec<Method>,
    /// For the router.
    pub resource: Resource,
}

/// A page, or what belongs to one.
pub fn at(pattern: &str) -> Place {
    Place { pattern: pattern.to_owned(), methods: Vec::new(), resource: web::resource(pattern) }
}

/// A resource of the API, with or without a slash at the end.
pub fn api(path: &str) -> Place {
    let pattern = format!("/api/v1{path}");
    Place { resource: web::resource([pattern.clone(), format!("{pattern}/")]), pattern, methods: Vec::new() }
}

/// One method each. The bounds are those of [`Route::to`].
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident: $method:expr, $route:expr;)*) => {
        impl Place {
            $($(#[$doc])*
            pub fn $name<F, Args>(mut self, handler: F) -> Self
            where
                F: Handler<Args>,
                Args: FromRequest + 'static,
                F::Output: Responder + 'static,
            {
                self.methods.push($method);
                self.resource = self.resource.route($route.to(handler));
                self
            })*
        }
    };
}

methods! {
    /// Also HEAD, for those who want the headers alone.
    get: Method::GET, Route::new().guard(Any(Get()).or(Head()));
    /// Without HEAD: the headers alone would cost as much as the whole.
    get_only: Method::GET, web::get();
    /// POST.
    post: Method::POST, web::post();
    /// PUT.
    put: Method::PUT, web::put();
    /// PATCH.
    patch: Method::PATCH, web::patch();
    /// DELETE.
    delete: Method::DELETE, web::delete();
}
