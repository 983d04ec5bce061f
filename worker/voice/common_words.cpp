// Words that are heard for themselves: no name is made of one of them alone.
#include "worker/voice/vocabulary.h"

#include <unordered_set>

namespace mr::voice {
namespace {

const std::unordered_set<std::string_view>& common_words() {
    static const std::unordered_set<std::string_view> words = {
        // clang-format off
        "a", "able", "about", "above", "accept", "account", "across", "act", "action", "active",
        "actually", "add", "after", "again", "against", "ago", "air", "all", "allow", "almost",
        "alone", "along", "already", "also", "although", "always", "am", "among", "amount", "an",
        "and", "another", "answer", "any", "anyone", "anything", "appear", "apply", "approve",
        "approved", "are", "area", "around", "as", "ask", "at", "attempt", "average", "away",
        "back", "bad", "bar", "base", "based", "be", "became", "because", "become", "been",
        "before", "begin", "behind", "being", "believe", "below", "beside", "besides", "best",
        "better", "between", "beyond", "bid", "bids", "big", "bill", "billed", "bills", "black",
        "blue", "board", "book", "both", "bottom", "box", "bring", "budget", "build", "building",
        "built", "business", "but", "buy", "by", "call", "came", "can", "cannot", "car", "care",
        "careful", "carry", "case", "cause", "center", "central", "certain", "certainly", "chance",
        "change", "changed", "changes", "charge", "charged", "chart", "check", "child", "choose",
        "city", "clean", "clear", "clearly", "client", "clients", "close", "closed", "cold",
        "collect", "come", "common", "company", "compare", "compared", "complete", "completed",
        "contact", "contain", "contract", "contracts", "cool", "copper", "corner", "cost", "costs",
        "could", "count", "country", "couple", "course", "court", "cover", "crew", "crews",
        "current", "currently", "cut", "data", "date", "day", "days", "dead", "deal", "deals",
        "decide", "deep", "did", "die", "different", "difficult", "direct", "do", "document",
        "does", "doing", "dollar", "dollars", "done", "door", "down", "draw", "drive", "due",
        "during", "each", "early", "east", "easy", "edge", "eight", "either", "electric", "else",
        "email", "emails", "end", "enough", "entire", "even", "event", "ever", "every", "exact",
        "except", "expect", "expensive", "eye", "face", "fact", "fail", "failed", "fair", "fall",
        "falls", "far", "fast", "father", "feel", "feet", "few", "field", "file", "fill", "final",
        "find", "fine", "finish", "finished", "fire", "first", "five", "floor", "follow", "food",
        "foot", "for", "form", "forward", "found", "four", "free", "friend", "from", "front",
        "full", "further", "garage", "gate", "gave", "general", "get", "girl", "give", "given",
        "glass", "go", "goes", "going", "gold", "gone", "good", "got", "grand", "great", "green",
        "ground", "group", "grow", "guess", "had", "half", "hall", "hand", "happen", "happened",
        "hard", "has", "have", "having", "he", "head", "health", "hear", "heard", "heart", "heat",
        "heating", "held", "hello", "help", "her", "here", "high", "hill", "him", "his", "hold",
        "home", "hope", "hospital", "hot", "hour", "hours", "house", "how", "however", "hundred",
        "i", "idea", "if", "important", "in", "include", "inspection", "inspections", "instead",
        "insurance", "into", "invoice", "invoiced", "invoices", "is", "island", "it", "its", "job",
        "jobs", "join", "just", "keep", "kept", "kind", "knew", "know", "known", "land", "lane",
        "large", "largest", "last", "late", "later", "law", "lay", "lead", "learn", "least",
        "leave", "led", "left", "less", "let", "letter", "level", "life", "light", "like", "line",
        "list", "little", "live", "long", "longer", "look", "lose", "lost", "lot", "low", "made",
        "main", "make", "man", "manage", "manager", "manages", "many", "map", "march", "mark",
        "market", "match", "matter", "may", "me", "mean", "meet", "meeting", "men", "middle",
        "might", "mile", "mill", "million", "mind", "minute", "miss", "money", "month", "months",
        "more", "morning", "most", "mother", "move", "much", "must", "my", "name", "near",
        "nearly", "need", "never", "new", "next", "night", "nine", "no", "none", "nor", "north",
        "northern", "not", "note", "notes", "nothing", "now", "number", "of", "off", "offer",
        "office", "offices", "often", "old", "on", "once", "one", "only", "open", "or", "order",
        "orders", "other", "our", "out", "over", "overdue", "owe", "owes", "own", "page", "paid",
        "paper", "park", "part", "particular", "party", "pass", "passed", "past", "pay", "people",
        "per", "percent", "perhaps", "permit", "person", "phone", "pick", "pie", "pipe", "place",
        "plan", "plans", "plant", "play", "please", "point", "points", "pond", "port", "position",
        "possible", "power", "present", "price", "probably", "problem", "profit", "project",
        "projects", "provide", "public", "pull", "put", "quarter", "question", "quick", "quite",
        "rain", "ran", "rate", "rather", "reach", "read", "ready", "real", "really", "reason",
        "receive", "received", "record", "red", "remain", "report", "rest", "result", "right",
        "rise", "river", "road", "roof", "room", "round", "row", "run", "safe", "safety", "said",
        "same", "save", "saw", "say", "says", "school", "schools", "science", "sea", "season",
        "second", "see", "seem", "seen", "send", "sense", "sent", "service", "set", "seven",
        "several", "shall", "share", "she", "short", "should", "show", "side", "sign", "simple",
        "since", "single", "site", "six", "size", "slow", "small", "so", "some", "something",
        "soon", "sort", "sound", "south", "space", "speak", "special", "spend", "spent", "square",
        "stand", "start", "started", "state", "status", "stay", "step", "still", "stone", "stop",
        "storage", "store", "street", "strong", "such", "sum", "summit", "support", "sure", "table",
        "take", "taken", "talk", "tell", "ten", "test", "than", "thank", "thanks", "that", "the",
        "their", "them", "then", "there", "these", "they", "thing", "things", "think", "third",
        "this", "those", "though", "thought", "thousand", "three", "through", "time", "times", "to",
        "today", "together", "told", "tomorrow", "too", "took", "top", "total", "toward", "tower",
        "town", "trade", "tree", "tried", "true", "try", "turn", "two", "type", "under", "union",
        "unit", "until", "up", "upon", "us", "use", "used", "value", "vendor", "vendors", "very",
        "view", "wait", "walk", "wall", "want", "war", "warm", "was", "watch", "water", "way", "we",
        "weather", "week", "weeks", "well", "went", "were", "west", "what", "when", "where",
        "whether", "which", "while", "white", "who", "whole", "whose", "why", "will", "win",
        "winter", "wish", "with", "within", "without", "won", "word", "words", "work", "worked",
        "works", "world", "worth", "would", "write", "wrong", "yard", "year", "years", "yes",
        "yesterday", "yet", "you", "young", "your",
        // clang-format on
    };
    return words;
}

} // namespace

bool is_common_word(std::string_view folded) {
    return common_words().contains(folded);
}

} // namespace mr::voice
