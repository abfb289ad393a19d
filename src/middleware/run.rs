//! The loop over a route's steps.

use exchange::{Request, Response};
use service::Service;

use crate::headers::Asked;
use crate::step::{Flow, Step};

/// Runs the steps in order, then the service, then backwards the response halves of the steps that were passed.
pub async fn run(steps: &[Step], req: Request, service: &Service) -> Response {
    if steps.is_empty() {
        return service.call(req).await;
    }
    through(steps, req, async |req| service.call(req).await).await
}

/// The same in front of anything that answers.
pub(crate) async fn through(
    steps: &[Step],
    mut req: Request,
    end: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    // Allocates only when there is something to remember.
    let mut remembered: Vec<(usize, Asked)> = Vec::new();
    let mut answered = None;
    let mut passed = steps;
    for (index, step) in steps.iter().enumerate() {
        match step.request(&mut req).await {
            Flow::Continue => {}
            Flow::Remember(asked) => remembered.push((index, asked)),
            Flow::Answer(res) => {
                answered = Some(*res);
                passed = steps.get(..index).unwrap_or_default();
                break;
            }
        }
    }
    let mut res = match answered {
        Some(res) => res,
        None => end(req).await,
    };
    for (index, step) in passed.iter().enumerate().rev() {
        let asked = remembered.pop_if(|(at, _)| *at == index).map(|(_, asked)| asked);
        step.response(&asked.unwrap_or_default(), &mut res);
    }
    res
}
