//! A recording as a graph.

use crate::failure::Failure;
use crate::render::plot::{Graph, GraphBox, Plot};

/// Boxes with their operands, their lines of text and their kind.
pub(super) fn of(boxes: impl Iterator<Item = (Vec<u32>, Vec<String>, &'static str)>, title: String) -> Graph {
    let boxes = boxes
        .map(|(inputs, lines, kind)| GraphBox {
            inputs: inputs.into_iter().map(|input| input as usize).collect(),
            lines,
            given: matches!(kind, "leaf" | "constant"),
            strong: kind == "leaf",
        })
        .collect();
    Graph { title, boxes }
}

/// The graph as a drawing.
///
/// # Errors
/// If it has too many boxes for one.
pub(super) fn svg(graph: &Graph) -> Result<String, Failure> {
    let count = graph.boxes.len();
    if count > Graph::MOST {
        let what = format!("--svg: {count} nodes are no picture, as it holds {}", Graph::MOST);
        return Err(Failure::Usage { what, hint: "use --dot, and lay it out with Graphviz".to_owned() });
    }
    Ok(graph.svg()?)
}
