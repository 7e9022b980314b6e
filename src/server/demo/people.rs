//! Invented people, the same for the same seed. Any likeness to a living person is chance.

use chrono::{Datelike as _, Days, NaiveDate};

use crate::base::random::Random;
use crate::registry::members::person_form::PersonFields;
use crate::registry::members::{Admission, Category, Sex};

const SURNAMES: [&str; 40] = [
    "Абрамов",
    "Алексеев",
    "Белов",
    "Богданов",
    "Васильев",
    "Виноградов",
    "Воробьёв",
    "Герасимов",
    "Голубев",
    "Гусев",
    "Данилов",
    "Дмитриев",
    "Ершов",
    "Жуков",
    "Зайцев",
    "Захаров",
    "Ильин",
    "Калинин",
    "Киселёв",
    "Козлов",
    "Королёв",
    "Лебедев",
    "Макаров",
    "Медведев",
    "Миронов",
    "Никитин",
    "Орлов",
    "Павлов",
    "Поляков",
    "Родионов",
    "Савельев",
    "Семёнов",
    "Сорокин",
    "Тарасов",
    "Титов",
    "Фёдоров",
    "Филиппов",
    "Чернов",
    "Шестаков",
    "Яковлев",
];
const WOMEN: [&str; 16] = [
    "Анна",
    "Валентина",
    "Вера",
    "Галина",
    "Дарья",
    "Екатерина",
    "Елена",
    "Ирина",
    "Лариса",
    "Людмила",
    "Марина",
    "Мария",
    "Надежда",
    "Наталья",
    "Ольга",
    "Татьяна",
];
const MEN: [&str; 12] = [
    "Александр",
    "Алексей",
    "Андрей",
    "Виктор",
    "Дмитрий",
    "Игорь",
    "Максим",
    "Михаил",
    "Николай",
    "Павел",
    "Роман",
    "Сергей",
];
const FATHERS: [(&str, &str); 12] = [
    ("Александровна", "Александрович"),
    ("Алексеевна", "Алексеевич"),
    ("Андреевна", "Андреевич"),
    ("Викторовна", "Викторович"),
    ("Владимировна", "Владимирович"),
    ("Дмитриевна", "Дмитриевич"),
    ("Ивановна", "Иванович"),
    ("Михайловна", "Михайлович"),
    ("Николаевна", "Николаевич"),
    ("Петровна", "Петрович"),
    ("Сергеевна", "Сергеевич"),
    ("Юрьевна", "Юрьевич"),
];
const POSITIONS: [&str; 12] = [
    "учитель математики",
    "учитель русского языка",
    "учитель начальных классов",
    "учитель физики",
    "учитель истории",
    "учитель английского языка",
    "педагог-психолог",
    "воспитатель",
    "заместитель директора",
    "библиотекарь",
    "социальный педагог",
    "логопед",
];

/// The people of an organisation.
#[derive(Clone, Copy)]
pub struct Crowd {
    /// The seed from which the people of this organisation are drawn.
    pub seed: u64,
    /// The number of working members.
    pub workers: u32,
    /// The number of students.
    pub students: u32,
    /// The number of pensioners.
    pub pensioners: u32,
}

/// An invented person.
pub struct InventedPerson {
    /// As a chairperson would enter it.
    pub admission: Admission,
    /// Whether the person has consented to ПрофКардс.
    pub takes_part: bool,
}

/// The people of a crowd.
pub fn people(crowd: Crowd, today: NaiveDate) -> Vec<InventedPerson> {
    let random = Random::seeded(crowd.seed);
    let categories = [
        (Category::Working, crowd.workers),
        (Category::Student, crowd.students),
        (Category::Pensioner, crowd.pensioners),
    ];
    let each =
        categories.into_iter().flat_map(|(category, count)| std::iter::repeat_n(category, count as usize));
    each.map(|category| invent(&random, category, today)).collect()
}

fn pick<'a, T>(random: &Random, from: &'a [T]) -> &'a T {
    &from[random.below(u32::try_from(from.len()).unwrap_or(1)) as usize]
}

fn invent(random: &Random, category: Category, today: NaiveDate) -> InventedPerson {
    // Four of five who work at schools are women.
    let is_woman = random.below(5) < 4;
    let (oldest, span_years): (u32, u32) = match category {
        Category::Student => (24, 6),
        Category::Pensioner => (82, 20),
        Category::Working => (64, 40),
    };
    let age_days = (oldest * 365).saturating_sub(random.below(span_years * 365));
    let birth_date = today.checked_sub_days(Days::new(u64::from(age_days))).unwrap_or(today);
    let adult =
        NaiveDate::from_ymd_opt(birth_date.year() + 18, birth_date.month(), 1).unwrap_or(today).min(today);
    let since_adult = u32::try_from((today - adult).num_days()).unwrap_or(0);
    let joined_on =
        adult.checked_add_days(Days::new(u64::from(random.below(since_adult + 1)))).unwrap_or(today);
    let surname = *pick(random, &SURNAMES);
    let father = pick(random, &FATHERS);
    let phone = format!("+79{:09}", random.below(999_999_999));
    let position = match category {
        Category::Working => Some((*pick(random, &POSITIONS)).to_owned()),
        Category::Student => Some(format!("{} курс", 1 + random.below(5))),
        Category::Pensioner => None,
    };
    let person = PersonFields {
        last_name: if is_woman { format!("{surname}а") } else { surname.to_owned() },
        first_name: (*(if is_woman { pick(random, &WOMEN) } else { pick(random, &MEN) })).to_owned(),
        middle_name: Some((if is_woman { father.0 } else { father.1 }).to_owned()),
        sex: if is_woman { Sex::Female } else { Sex::Male },
        birth_date,
        phone: (random.below(10) > 0).then_some(phone),
        email: None,
        category,
        position,
    };
    let processing_consent_on = (random.below(8) > 0).then_some(joined_on.max(consents_since()).min(today));
    let admission = Admission { person, joined_on, processing_consent_on, is_another_person: false };
    InventedPerson { admission, takes_part: random.below(3) > 0 }
}

/// No consent on record is older than the register itself.
fn consents_since() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 9, 1).unwrap_or(NaiveDate::MIN)
}
