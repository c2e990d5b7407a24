//! Tests of the `.npy` reader and writer. The files of `testdata` were written by NumPy (see its README).

use std::io::Write;
use std::path::{Path, PathBuf};

use super::npy::*;
use super::npy_header;
use crate::array::Array;

pub(super) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/data/testdata").join(name)
}

/// `(arange(24).reshape(2, 3, 4) - 7.25) / 3`, as written into the reference files.
pub(super) fn cube() -> Array<f64> {
    Array::new([2, 3, 4], (0..24).map(|i| (f64::from(i) - 7.25) / 3.0).collect()).unwrap()
}

/// A version 1 file of this header text and these bytes.
fn file_of(text: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(body);
    bytes
}

/// The error of reading these bytes, with the second and the memory it may take asserted.
fn refused(bytes: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let start = std::time::Instant::now();
    let error = read_npy::<f64>(file.path()).expect_err("should be refused");
    assert!(start.elapsed().as_millis() < 500, "{error}");
    assert_eq!(error.code(), 3, "{error}");
    assert!(error.path().is_some() && error.hint().is_some());
    error.to_string()
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
}

#[test]
fn every_byte_and_axis_order_is_read_as_numpy_reads_it() {
    let c = cube();
    assert_eq!(read_npy::<f64>(&testdata("f8_c.npy")).unwrap(), c);
    assert_eq!(read_npy::<f64>(&testdata("f8_big_fortran.npy")).unwrap(), c);
    assert_eq!(read_npy::<f32>(&testdata("f4_fortran.npy")).unwrap(), c.map(|&x| x as f32));
    // Wider and narrower than stored.
    assert_eq!(read_npy::<f64>(&testdata("f4_fortran.npy")).unwrap(), c.map(|&x| f64::from(x as f32)));
    assert_eq!(read_npy::<f32>(&testdata("f8_big_fortran.npy")).unwrap(), c.map(|&x| x as f32));
    let small = read_npy::<f32>(&testdata("i2_big.npy")).unwrap();
    assert_eq!((small.shape, small.data), (vec![2, 2], vec![-32768.0, 32767.0, 1.0, -2.0]));
    assert_eq!(read_npy::<f64>(&testdata("bool.npy")).unwrap().data, [1.0, 0.0, 0.0, 1.0]);
    let scalar = read_npy::<f64>(&testdata("scalar.npy")).unwrap();
    assert_eq!((scalar.shape, scalar.data), (vec![], vec![1.5]));
    assert_eq!(read_npy::<f64>(&testdata("empty.npy")).unwrap().shape, [0, 5]);
}

#[test]
fn large_integers_are_rounded_once_as_by_astype() {
    let two = |e: i32| 2f64.powi(e);
    // The expected numbers are those printed by numpy.load(...).astype.
    let wide = read_npy::<f64>(&testdata("i8_large.npy")).unwrap().data;
    assert_eq!(wide, [two(53), -two(53), two(63), -two(63), 33_554_435.0]);
    let narrow = read_npy::<f32>(&testdata("i8_large.npy")).unwrap().data;
    assert_eq!(narrow[4], 33_554_436.0);
    let unsigned = read_npy::<f64>(&testdata("u8_large.npy")).unwrap().data;
    assert_eq!(unsigned, [two(64), two(63) + 2048.0, 3.0]);
    // By way of f64 the last bit would be lost and the tie go to even, 2^60.
    let tie = (1i64 << 60) + (1 << 36) + 1;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&file_of(&header("'<i8'", "(1,)"), &tie.to_le_bytes())).unwrap();
    assert_eq!(read_npy::<f32>(file.path()).unwrap().data, [(two(60) + two(37)) as f32]);
}

#[test]
fn what_is_not_a_real_number_is_refused_with_a_recipe() {
    for (name, what, remedy) in [
        ("f2.npy", "half-precision", "astype('float32')"),
        ("c16.npy", "complex", "a.real"),
        ("object.npy", "pickle", "allow_pickle=False"),
        ("records.npy", "named fields", "a['field']"),
    ] {
        let error = read_npy::<f64>(&testdata(name)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(what) && message.contains(remedy), "{message}");
        assert_eq!(error.code(), 3);
    }
}

#[test]
fn a_header_of_four_gibibytes_costs_nothing() {
    let message = refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff");
    assert!(message.contains("4294967295"), "{message}");
    // Announced within bounds, but not there.
    assert!(refused(b"\x93NUMPY\x01\x00\xff\xff{'descr'").contains("ends within its header"));
}

#[test]
fn nested_brackets_are_refused_at_once() {
    for open in ["(", "[", "{"] {
        let nest = open.repeat(60_000);
        refused(&file_of(&nest, b""));
        refused(&file_of(&header("'<f8'", &nest), b""));
        refused(&file_of(&header(&nest, "(1,)"), b""));
    }
}

#[test]
fn dimensions_that_overflow_are_negative_or_too_many_are_refused() {
    let shaped = |shape: &str| refused(&file_of(&header("'<f8'", shape), b""));
    assert!(shaped("(4294967296, 4294967296)").contains("addressed"));
    assert!(shaped("(0, 4611686018427387904)").contains("addressed"));
    assert!(shaped("(2305843009213693952,)").contains("addressed"));
    assert!(shaped("(99999999999999999999999,)").contains("addressed"));
    assert!(shaped("(-1,)").contains("negative"));
    assert!(shaped(&format!("({})", "1, ".repeat(40))).contains("32 dimensions"));
    assert!(shaped("(1.5,)").contains("shape"));
    assert!(shaped("(3)").contains("shape"));
    assert!(shaped("3").contains("shape"));
    assert!(shaped("(,)").contains("shape"));
}

#[test]
fn too_few_and_too_many_bytes_are_refused_before_memory_is_taken() {
    assert!(refused(&file_of(&header("'<f8'", "(1000000000000,)"), &[0; 16])).contains("cut short"));
    let message = refused(&file_of(&header("'<f8'", "(2,)"), &[0; 17]));
    assert!(message.contains("1 trailing bytes"), "{message}");
    assert!(refused(b"\x93NUM").contains("ends within"));
    assert!(refused(b"PK\x03\x04 and what follows").contains("not a .npy file"));
    assert!(refused(b"\x93NUMPY\x09\x00\x10\x00................").contains("version 9"));
}

#[test]
fn keys_missing_unknown_or_twice_are_named() {
    let with = |text: &str| refused(&file_of(text, &[0; 8]));
    assert!(with("{'descr': '<f8', 'shape': (1,), }").contains("lacks the key `fortran_order`"));
    assert!(with("{'fortran_order': False, 'shape': (1,)}").contains("lacks the key `descr`"));
    assert!(with("{'descr': '<f8', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}").contains("twice"));
    assert!(with("{'descr': '<f8', 'os': 'rm', 'fortran_order': False, 'shape': (1,)}").contains("unknown key `os`"));
    assert!(with("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} x").contains("unreadable"));
    assert!(with("{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}").contains("unreadable"));
    assert!(with("{'descr': '<f8").contains("unreadable"));
    // Order and spacing are free.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = "{ \"shape\":(1,),'fortran_order':False , 'descr': '>f8'}";
    file.write_all(&file_of(text, &2.5f64.to_be_bytes())).unwrap();
    assert_eq!(read_npy::<f64>(file.path()).unwrap().data, [2.5]);
}

#[test]
fn a_double_too_large_for_single_precision_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    write_npy(&path, &[2], &[f64::INFINITY, 1e300]).unwrap();
    let error = read_npy::<f32>(&path).unwrap_err();
    assert!(error.to_string().contains("1e300") && error.code() == 3, "{error}");
    write_npy(&path, &[2], &[f64::INFINITY, 1e30]).unwrap();
    assert_eq!(read_npy::<f32>(&path).unwrap().data, [f32::INFINITY, 1e30]);
}

#[test]
fn what_is_written_begins_at_a_multiple_of_64_and_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    for shape in [vec![], vec![0], vec![24], vec![2, 12], vec![2, 3, 4], vec![1; 30]] {
        let count = shape.iter().product();
        let data = &cube().data[..count];
        write_npy(&path, &shape, data).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len() - count * 8) % 64, 0);
        assert_eq!(peek_npy(&path).unwrap().offset % 64, 0);
        let back = read_npy::<f64>(&path).unwrap();
        assert_eq!((back.shape, &back.data[..]), (shape, data));
    }
    assert!(write_npy(&path, &[3], &[1.0]).is_err());
}

#[test]
fn what_is_written_is_numpys_file_to_the_byte() {
    let mut bytes = Vec::new();
    let cube = cube();
    write_npy_to(&mut bytes, &cube.shape, &cube.data).unwrap();
    assert_eq!(bytes, std::fs::read(testdata("f8_c.npy")).unwrap());
}

#[test]
fn a_streamed_array_appears_only_when_complete() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let mut writer = NpyWriter::<f32>::create(&path, &[2, 3]).unwrap();
    writer.push(&[0.0, 1.0, 2.0, 3.0]).unwrap();
    assert!(!path.exists());
    assert!(writer.push(&[4.0, 5.0, 6.0]).is_err());
    assert!(writer.finish().is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

    let mut writer = NpyWriter::<f32>::create(&path, &[2, 3]).unwrap();
    writer.push(&[0.0, 1.0]).unwrap();
    writer.push(&[2.0, 3.0, 4.0, 5.0]).unwrap();
    writer.finish().unwrap();
    assert_eq!(read_npy::<f32>(&path).unwrap().data, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn a_shape_with_a_long_text_moves_to_version_two() {
    let bytes = npy_header::write("<f8", &vec![usize::MAX; 4000]);
    assert_eq!((bytes[6], bytes.len() % 64), (2, 0));
    assert_eq!(npy_header::write("<f8", &[2, 3])[6], 1);
}
