//! What the verbs refuse, and how they say it.

use autodiff::verb::Workspace;
use autodiff::{Arena, Error, Tensor, ggn_vp, grad, hessian, hvp, jvp, vjp};

fn refused<T>(result: autodiff::Result<T>) -> (Error, String) {
    let error = result.err().expect("a refusal");
    let text = error.to_string();
    (error, text)
}

fn tensor(shape: &[usize]) -> Tensor<f64> {
    Tensor::zeros(shape)
}

#[test]
fn tangents_that_do_not_fit_are_named_with_their_shapes() {
    let at = [tensor(&[2, 3]), tensor(&[3])];
    let (error, text) = refused(jvp(|x| x[0].plus(x[1]), &at, &[tensor(&[2, 3])]));
    assert_eq!(error, Error::Arguments { verb: "jvp", what: "tangents", expected: 2, found: 1 });
    assert_eq!(text, "jvp: 1 tangents beside 2 primals; give one for each primal");
    let (_, text) = refused(jvp(|x| x[0].plus(x[1]), &at, &[tensor(&[2, 3]), tensor(&[4])]));
    let remedy = "give it that shape, or all of them that with one leading axis of directions";
    assert_eq!(text, format!("jvp: tangent 1 has shape [4], its value [3]; {remedy}"));
    // Blocks of two sizes, and a block beside a single direction.
    for first in [&[5, 2, 3][..], &[2, 3]] {
        let along = [tensor(first), tensor(&[4, 3])];
        let (error, _) = refused(hvp(|x| Ok(x[0].plus(x[1])?.sum()), &at, &along));
        assert!(matches!(error, Error::Seed { verb: "hvp", what: "tangent", at: 1, .. }), "{error}");
    }
    let (_, text) = refused(vjp(|x| x[0].plus(x[1]), &at, &tensor(&[3])));
    assert_eq!(text, format!("vjp: cotangent 0 has shape [3], its value [2, 3]; {remedy}"));
}

#[test]
fn a_gradient_wants_one_number() {
    let at = [tensor(&[2, 3])];
    for (verb, result) in [
        ("grad", grad(|x| Ok(x[0].exp()), &at).map(|_| ())),
        ("hvp", hvp(|x| Ok(x[0].exp()), &at, &at).map(|_| ())),
        ("hessian", hessian(|x| Ok(x[0].exp()), &at).map(|_| ())),
        ("ggn_vp", ggn_vp(|x| Ok(x[0]), |y| Ok(y[0].exp()), &at, &at).map(|_| ())),
    ] {
        let remedy = "take a sum or mean, or ask for jacobian";
        let expected = format!("{verb}: the function's value has shape [2, 3], not one number; {remedy}");
        assert_eq!(refused(result).1, expected);
    }
    // One number under axes of length 1 is one number.
    assert!(grad(|x| Ok(x[0]), &[tensor(&[1, 1])]).is_ok());
}

#[test]
fn a_variable_of_another_tape_is_refused_wherever_it_comes_in() {
    let at = [tensor(&[2])];
    let mut other = Arena::new();
    let stranger = other.tape().leaf(&[1.0, 2.0], &[2]).unwrap();
    // Both tapes live here, so that the compiler lets them meet.
    let mut workspace = Workspace::new();
    let (error, _) = refused(workspace.linearize(|x| x[0].plus(stranger), &at));
    assert_eq!(error, Error::ForeignVariable { op: "combine" });
    let mut workspace = Workspace::new();
    let (error, text) = refused(workspace.linearize(|_| Ok(stranger), &at));
    assert_eq!(error, Error::ForeignVariable { op: "result" });
    assert!(text.ends_with("record both operands on one tape"), "{text}");
}

#[test]
fn what_the_function_refuses_comes_through_every_verb() {
    let at = [tensor(&[2, 3])];
    let (error, text) = refused(grad(|x| Ok(x[0].matmul(x[0])?.sum()), &at));
    assert!(matches!(error, Error::Shapes { op: "matmul", .. }), "{text}");
    assert_eq!(refused(jvp(|x| x[0].matmul(x[0]), &at, &at)).0, error);
    let (error, _) = refused(grad(|x| x.named::<2>().map(|[a, _]| a), &at));
    assert_eq!(error, Error::Arguments { verb: "named", what: "names", expected: 1, found: 2 });
}
