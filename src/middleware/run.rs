//! The loop over a route's steps.

use exchange::{Request, Response};
use service::Service;

use crate::headers::Asked;
use crate::step::{Flow, Step};

/// How far a request came.
struct Passed<'a> {
    /// The steps whose response halves are due.
    steps: &'a [Step],
    /// What they wanted to know again. Allocates only when there is something.
    remembered: Vec<(usize, Asked)>,
    /// The answer of a step that went no further.
    answer: Option<Response>,
}

/// Runs the steps in order, then the service, then backwards the response halves of the steps that were passed.
pub async fn run(steps: &[Step], mut req: Box<Request>, service: &Service) -> Response {
    // Boxed, so that a route without steps does not pay for what they may wait for.
    let passed = if steps.is_empty() { None } else { Some(Box::pin(there(steps, &mut req)).await) };
    let (steps, remembered, answer) =
        passed.map_or_else(Default::default, |passed| (passed.steps, passed.remembered, passed.answer));
    let res = match answer {
        Some(res) => res,
        None => service.call(req).await,
    };
    back(steps, remembered, res)
}

/// The same in front of anything that answers.
#[cfg(test)]
pub(crate) async fn through(
    steps: &[Step],
    mut req: Request,
    end: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let passed = there(steps, &mut req).await;
    let res = match passed.answer {
        Some(res) => res,
        None => end(req).await,
    };
    back(passed.steps, passed.remembered, res)
}

async fn there<'a>(steps: &'a [Step], req: &mut Request) -> Passed<'a> {
    let mut remembered = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match step.request(req).await {
            Flow::Continue => {}
            Flow::Remember(asked) => remembered.push((index, asked)),
            Flow::Answer(res) => {
                let steps = steps.get(..index).unwrap_or_default();
                return Passed { steps, remembered, answer: Some(*res) };
            }
        }
    }
    Passed { steps, remembered, answer: None }
}

fn back(steps: &[Step], mut remembered: Vec<(usize, Asked)>, mut res: Response) -> Response {
    for (index, step) in steps.iter().enumerate().rev() {
        let asked = remembered.pop_if(|(at, _)| *at == index).map(|(_, asked)| asked);
        step.response(&asked.unwrap_or_default(), &mut res);
    }
    res
}
