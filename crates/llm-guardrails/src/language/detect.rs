//! Which of some two dozen languages a text is in: a script that only one of them has, or the words that it is full of.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The languages that can be told, by ISO 639-1.
pub(super) const LANGUAGES: [&str; 27] = [
    "ar", "bn", "cs", "de", "el", "en", "es", "fa", "fr", "he", "hi", "id", "it", "ja", "ko", "nl", "pl",
    "pt", "ro", "ru", "sv", "ta", "th", "tr", "uk", "vi", "zh",
];

/// Words that every longer text of a language has, and few of others.
const WORDS: [(&str, &str); 17] = [
    (
        "en",
        "the and of to is in that it for you with was this are be have not on as what how can my please from by",
    ),
    (
        "de",
        "der die und das ist nicht ein eine ich zu mit den auf für von dem sich auch wie es wir bitte im sind hat oder",
    ),
    (
        "fr",
        "le la les et des est une un pas que qui dans pour sur ce vous je il au avec sont du plus nous mais",
    ),
    ("es", "el los las y una un es por con para que del se no como más su lo pero está son muy al mi hola"),
    ("pt", "o os as e uma um é por com para que do da não se como mais em são ao na no mas você está muito"),
    ("it", "il lo gli e una un è di che per con non del della sono come più ma si questo nel anche le alla"),
    ("nl", "de het een en is van dat niet ik op te met voor zijn die er aan ook maar als naar wat bij wij"),
    ("sv", "och att det som en är för på med inte jag av den ett har till om vi kan var så men hur från"),
    ("pl", "i w nie na się to że z jest do jak co czy ale od po dla przez są może tak jestem być"),
    ("cs", "a je se v na to že s jak co ale pro by jsem jsou není tak nebo když byl do za podle může"),
    ("ro", "și în nu la o un este cu de pe care să mai din pentru sunt ce am dar ca fi ai prin această"),
    ("tr", "ve bir bu için ile da de çok ne gibi daha ben var mı değil olarak ama olan nasıl kadar sonra"),
    (
        "id",
        "yang dan di ini itu dengan untuk tidak dari dalam akan pada saya adalah ke karena bisa ada juga apa kami",
    ),
    ("vi", "và là của có không cho được trong một những người các với này đã tôi để khi làm như nào thì"),
    ("ru", "и в не на что я с как это по но из у за от так для же мы вы бы то все его только"),
    ("uk", "і в не на що я з як це по але із у за від так для ми ви би то та його є він чи"),
    ("id", "anda kita mereka sudah belum bagaimana"),
];

/// Each word with the rows that have it, as bits.
static ROWS: LazyLock<HashMap<&'static str, u32>> = LazyLock::new(|| {
    let mut rows = HashMap::new();
    for (row, (_, list)) in WORDS.iter().enumerate() {
        for word in list.split(' ') {
            *rows.entry(word).or_insert(0) |= 1 << row;
        }
    }
    rows
});

/// The language of a text, when it can be told.
pub(super) fn detect(text: &str, shortest: usize) -> Option<&'static str> {
    let counts = Counts::of(text);
    if counts.letters < shortest.max(1) {
        return None;
    }
    // A character of Chinese says as much as three letters.
    let dominates = |count: usize| count * 2 > counts.letters;
    match counts {
        _ if counts.kana * 8 > counts.letters => return Some("ja"),
        _ if dominates(counts.han * 2 + counts.kana) => return Some("zh"),
        _ => {}
    }
    if let Some((code, _)) = counts.scripts.iter().find(|(_, count)| dominates(*count)) {
        return Some(if *code == "ar" && counts.persian * 40 > counts.letters { "fa" } else { code });
    }
    by_words(text)
}

struct Counts {
    letters: usize,
    han: usize,
    kana: usize,
    persian: usize,
    scripts: [(&'static str, usize); 8],
}

impl Counts {
    fn of(text: &str) -> Self {
        let scripts = ["ar", "he", "hi", "bn", "ta", "th", "ko", "el"].map(|code| (code, 0));
        let mut counts = Self { letters: 0, han: 0, kana: 0, persian: 0, scripts };
        for letter in text.chars().take(20_000).filter(|letter| letter.is_alphabetic()) {
            counts.letters += 1;
            let script = match letter {
                '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' => {
                    counts.han += 1;
                    continue;
                }
                '\u{3040}'..='\u{30ff}' => {
                    counts.kana += 1;
                    continue;
                }
                '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{fb50}'..='\u{feff}' => {
                    counts.persian += usize::from(matches!(letter, 'پ' | 'چ' | 'ژ' | 'گ' | 'ک' | 'ی'));
                    0
                }
                '\u{590}'..='\u{5ff}' => 1,
                '\u{900}'..='\u{97f}' => 2,
                '\u{980}'..='\u{9ff}' => 3,
                '\u{b80}'..='\u{bff}' => 4,
                '\u{e00}'..='\u{e7f}' => 5,
                '\u{ac00}'..='\u{d7af}' | '\u{1100}'..='\u{11ff}' => 6,
                '\u{370}'..='\u{3ff}' => 7,
                _ => continue,
            };
            if let Some((_, count)) = counts.scripts.get_mut(script) {
                *count += 1;
            }
        }
        counts
    }
}

/// The language whose words a text has most of; none when two are close or words are rare.
fn by_words(text: &str) -> Option<&'static str> {
    let mut scores = [0usize; WORDS.len()];
    let mut all = 0;
    for word in text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()).take(2_000)
    {
        all += 1;
        let word = word.to_lowercase();
        let rows = ROWS.get(word.as_str()).copied().unwrap_or(0);
        scores.iter_mut().enumerate().for_each(|(row, score)| *score += usize::from(rows >> row & 1 == 1));
    }
    let mut order: Vec<(usize, &'static str)> =
        scores.iter().zip(WORDS).map(|(score, (code, _))| (*score, code)).collect();
    order.sort_unstable_by(|first, second| second.cmp(first));
    let (best, code) = *order.first()?;
    let (second, _) = *order.iter().find(|(_, other)| *other != code)?;
    (best >= 2 && best * 12 > all && best * 4 > second * 5).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_told_apart() {
        for (code, text) in [
            ("en", "Please tell me what the weather is like in the north of the country."),
            ("de", "Ich möchte wissen, wie das Wetter im Norden ist und ob es regnet."),
            ("fr", "Je voudrais savoir si le temps est beau dans le nord et les montagnes."),
            (
                "es",
                "Quiero saber cómo es el tiempo en el norte y por qué llueve con tanta fuerza para los pueblos.",
            ),
            ("pt", "Eu quero saber como está o tempo no norte e se não vai chover muito para você."),
            ("it", "Vorrei sapere come è il tempo nel nord e se non piove anche per questo."),
            ("nl", "Ik wil graag weten wat voor weer het is in het noorden en of het niet regent."),
            ("pl", "Chciałbym wiedzieć, jak jest pogoda na północy i czy nie pada, bo to jest ważne."),
            ("tr", "Bugün hava çok güzel ve ben bu parka gitmek için bir arkadaş arıyorum, ama ne yazık ki."),
            ("ru", "Я хочу знать, как это работает и что мы можем сделать для этого."),
            ("uk", "Я хочу знати, як це працює і що ми можемо зробити для цього та його."),
            ("zh", "请告诉我今天北方的天气怎么样,会不会下雨,需要带伞吗?我想出门走走。"),
            ("ja", "今日の天気はどうですか。北の方では雨が降るでしょうか、教えてください。"),
            ("ko", "오늘 북쪽의 날씨가 어떤지 알려 주세요. 비가 올까요? 우산이 필요한가요?"),
            ("ar", "أريد أن أعرف كيف هو الطقس اليوم في الشمال وهل ستمطر"),
            ("th", "วันนี้อากาศทางภาคเหนือเป็นอย่างไรบ้าง ฝนจะตกไหม"),
            ("hi", "कृपया मुझे बताएं कि आज उत्तर में मौसम कैसा है"),
            ("vi", "Tôi muốn biết thời tiết của miền bắc có đẹp không và những người nào đã đi."),
        ] {
            assert_eq!(detect(text, 20), Some(code), "{text}");
        }
    }

    #[test]
    fn code_names_and_short_texts_are_in_no_language() {
        for text in [
            "fn main() { println!(\"{}\", x); }",
            "ok",
            "Kubernetes PostgreSQL Redis Grafana Prometheus",
            "12345",
        ] {
            assert_eq!(detect(text, 24), None, "{text}");
        }
    }
}
