//! Settings: each stated once, with its meaning, its bounds and its value at three scales.
//!
//! ```
//! use ntk::experiment::{Scale, Settings};
//!
//! ntk::settings! {
//!     /// Settings of an example.
//!     pub struct Example {
//!         /// Widths of the hidden layers.
//!         widths: Vec<usize>, 1 to 65536 => vec![64], vec![64, 256], vec![64, 256, 1024];
//!         /// Deviation of the weights.
//!         w_std: f64, 0.0 to 100.0 => 1.5;
//!         /// Data to learn.
//!         data: String => "digits";
//!     }
//! }
//!
//! let quick = Example::at(Scale::Quick);
//! assert_eq!((quick.widths.as_slice(), quick.data.as_str()), (&[64][..], "digits"));
//! let mut table = quick.table();
//! table.insert("w_sdt".into(), 2.0.into());
//! assert!(Example::read(&table).unwrap_err().to_string().contains("did you mean `w_std`?"));
//! ```

use toml::{Table, Value};

use crate::error::{Error, Result};

/// How much is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// A minute on two cores; its verdicts are indicative.
    Quick,
    /// A few minutes on two cores; the claims' thresholds are meant for it.
    #[default]
    Desk,
    /// The paper's own sizes.
    Full,
}

impl Scale {
    /// `quick`, `desk` or `full`.
    pub fn name(self) -> &'static str {
        match self {
            Scale::Quick => "quick",
            Scale::Desk => "desk",
            Scale::Full => "full",
        }
    }
}

/// A setting, told apart from its value.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What it takes, in words.
    pub kind: &'static str,
    /// Bounds of the number, or of each number, both allowed.
    pub bounds: Option<(f64, f64)>,
    /// Its value at a scale.
    pub default: fn(Scale) -> Value,
    /// A value as the setting keeps it; none if it is of another kind or out of bounds.
    pub normal: fn(&Value) -> Option<Value>,
}

impl Parameter {
    /// What would be taken, in words: `a number from 0 to 1`.
    pub fn wanted(&self) -> String {
        match self.bounds {
            Some((low, high)) => format!("{} from {low} to {high}", self.kind),
            None => self.kind.to_owned(),
        }
    }
}

/// The settings of an experiment; made by [`crate::settings!`].
pub trait Settings: Sized {
    /// What can be set.
    const PARAMETERS: &'static [Parameter];

    /// From a table that has them all.
    ///
    /// # Errors
    /// A name that is none, a value of another kind or out of bounds.
    fn read(table: &Table) -> Result<Self>;

    /// As a table.
    fn table(&self) -> Table;
}

/// A value that a setting can have.
pub trait Setting: Sized {
    /// What it is, in words.
    const KIND: &'static str;

    /// From what was read; none if it is of another kind.
    fn from_value(value: &Value) -> Option<Self>;

    /// As it is written.
    fn to_value(&self) -> Value;

    /// Whether all its numbers are in bounds.
    fn within(&self, low: f64, high: f64) -> bool;
}

impl Setting for f64 {
    const KIND: &'static str = "a number";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_float().or_else(|| value.as_integer().map(|i| i as f64))
    }

    fn to_value(&self) -> Value {
        Value::Float(*self)
    }

    fn within(&self, low: f64, high: f64) -> bool {
        (low..=high).contains(self)
    }
}

macro_rules! whole {
    ($kind:ty) => {
        impl Setting for $kind {
            const KIND: &'static str = "a whole number";

            fn from_value(value: &Value) -> Option<Self> {
                value.as_integer().and_then(|i| i.try_into().ok())
            }

            fn to_value(&self) -> Value {
                Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
            }

            fn within(&self, low: f64, high: f64) -> bool {
                (low..=high).contains(&(*self as f64))
            }
        }
    };
}

whole!(usize);
whole!(u64);

impl Setting for bool {
    const KIND: &'static str = "true or false";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn to_value(&self) -> Value {
        Value::Boolean(*self)
    }

    fn within(&self, _: f64, _: f64) -> bool {
        true
    }
}

impl Setting for String {
    const KIND: &'static str = "a text";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }

    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }

    fn within(&self, _: f64, _: f64) -> bool {
        true
    }
}

impl<T: Setting> Setting for Vec<T> {
    const KIND: &'static str = "a list, such as [1, 2]";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_value).collect()
    }

    fn to_value(&self) -> Value {
        Value::Array(self.iter().map(T::to_value).collect())
    }

    /// A list of nothing is out of any bounds.
    fn within(&self, low: f64, high: f64) -> bool {
        !self.is_empty() && self.iter().all(|x| x.within(low, high))
    }
}

/// Refuses names that are none.
///
/// # Errors
/// The first such name, with the nearest known one.
pub fn known(table: &Table, parameters: &[Parameter]) -> Result<()> {
    match table.keys().find(|key| !parameters.iter().any(|p| p.name == key.as_str())) {
        Some(key) => Err(Error::unknown("setting", key, parameters.iter().map(|p| p.name))),
        None => Ok(()),
    }
}

/// One setting of a table.
///
/// # Errors
/// None there; a value of another kind or out of bounds.
pub fn value<T: Setting>(table: &Table, parameter: &Parameter) -> Result<T> {
    let name = parameter.name;
    let found = table.get(name).ok_or_else(|| Error::usage(format!("the setting `{name}` is missing"), "set it"))?;
    let refused = || Error::usage(format!("{name} = {found} cannot be"), format!("give {}", parameter.wanted()));
    bounded(found, parameter.bounds).ok_or_else(refused)
}

/// A value of the right kind and within bounds.
pub fn bounded<T: Setting>(value: &Value, bounds: Option<(f64, f64)>) -> Option<T> {
    T::from_value(value).filter(|value| bounds.is_none_or(|(low, high)| value.within(low, high)))
}

/// Declares the settings of an experiment: a structure and its table of [`Parameter`]s.
///
/// A line is `name: Type, low to high => quick, desk, full;`, with a doc comment that says what it means. Bounds are for
/// numbers and lists of numbers, and may be left out; one value stands for all three.
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $about:literal])*
        pub struct $structure:ident {
            $(
                $(#[doc = $meaning:literal])+
                $name:ident: $kind:ty $(, $low:literal to $high:literal)? => $($value:expr),+;
            )+
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $structure {
            $(
                $(#[doc = $meaning])+
                pub $name: $kind,
            )+
        }

        impl $structure {
            /// The settings of a scale.
            pub fn at(scale: $crate::experiment::Scale) -> Self {
                Self {
                    $($name: {
                        let mut values: Vec<$kind> = vec![$($value.into()),+];
                        values.swap_remove($crate::experiment::settings::place(scale, values.len()))
                    },)+
                }
            }
        }

        impl $crate::experiment::Settings for $structure {
            const PARAMETERS: &'static [$crate::experiment::Parameter] = &[
                $($crate::experiment::Parameter {
                    name: stringify!($name),
                    meaning: concat!($($meaning),+),
                    kind: <$kind as $crate::experiment::Setting>::KIND,
                    bounds: $crate::settings!(@bounds $($low, $high)?),
                    default: |scale| {
                        <$kind as $crate::experiment::Setting>::to_value(&$structure::at(scale).$name)
                    },
                    normal: |value| {
                        $crate::experiment::settings::bounded::<$kind>(value, $crate::settings!(@bounds $($low, $high)?))
                            .map(|value| $crate::experiment::Setting::to_value(&value))
                    },
                },)+
            ];

            fn read(table: &$crate::experiment::settings::toml::Table) -> $crate::Result<Self> {
                $crate::experiment::settings::known(table, Self::PARAMETERS)?;
                let mut parameters = Self::PARAMETERS.iter();
                $(
                    let $name = match parameters.next() {
                        Some(parameter) => $crate::experiment::settings::value(table, parameter)?,
                        None => unreachable!(),
                    };
                )+
                Ok(Self { $($name),+ })
            }

            fn table(&self) -> $crate::experiment::settings::toml::Table {
                let mut table = $crate::experiment::settings::toml::Table::new();
                $(table.insert(
                    stringify!($name).to_owned(),
                    $crate::experiment::Setting::to_value(&self.$name),
                );)+
                table
            }
        }
    };
    (@bounds $low:literal, $high:literal) => { Some(($low as f64, $high as f64)) };
    (@bounds) => { None };
}

pub use toml;

/// Which of one or three values is that of a scale.
pub fn place(scale: Scale, values: usize) -> usize {
    if values == 1 { 0 } else { scale as usize }
}

/// Refuses lists of widths, each with its name, in which there is nothing to compare.
pub(crate) fn comparable(lists: &[(&str, &Vec<usize>)]) -> Result<()> {
    match lists.iter().find(|(_, widths)| widths.len() < 2) {
        Some((name, _)) => Err(Error::usage(format!("{name} has one width"), "give two or more, to compare")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    settings! {
        /// An example.
        pub struct Example {
            /// Widths.
            widths: Vec<usize>, 1 to 100 => vec![1usize], vec![2usize], vec![3usize];
            /// A rate.
            rate: f64, 0.0 to 1.0 => 0.5;
            /// A word.
            word: String => "digits";
        }
    }

    fn refusal(key: &str, value: impl Into<Value>) -> String {
        let mut table = Example::at(Scale::Desk).table();
        table.insert(key.into(), value.into());
        Example::read(&table).unwrap_err().to_string()
    }

    #[test]
    fn a_table_and_the_structure_say_the_same_at_every_scale() {
        for scale in [Scale::Quick, Scale::Desk, Scale::Full] {
            let settings = Example::at(scale);
            assert_eq!(Example::read(&settings.table()).unwrap(), settings);
            for parameter in Example::PARAMETERS {
                assert_eq!(settings.table()[parameter.name], (parameter.default)(scale));
            }
        }
        assert_eq!(Example::at(Scale::Full).widths, [3]);
        assert_eq!(Example::PARAMETERS[1].meaning.trim(), "A rate.");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_bounds() {
        assert_eq!(refusal("rate", 2.0), "rate = 2.0 cannot be; give a number from 0 to 1");
        assert_eq!(refusal("widths", vec![-3]), "widths = [-3] cannot be; give a list, such as [1, 2] from 1 to 100");
        assert!(refusal("widths", Vec::<i64>::new()).contains("cannot be"));
        assert!(refusal("rate", f64::NAN).contains("cannot be"));
        assert!(refusal("word", 3).contains("give a text"));
        assert!(refusal("widht", 3).contains("did you mean `widths`?"));
    }
}
