//! What people post.

/// Something that people post about.
#[derive(Clone, Copy, Debug)]
pub(in crate::seed) struct Topic {
    pub(in crate::seed) hashtags: &'static [&'static str],
    pub(in crate::seed) thoughts: &'static [&'static str],
    /// Said of a picture, a film or a sound.
    pub(in crate::seed) media: &'static [&'static str],
    pub(in crate::seed) milestones: &'static [&'static str],
}

pub(in crate::seed) const TOPICS: [Topic; 10] = [
    Topic {
        hashtags: &["food", "cooking", "homemade"],
        thoughts: &[
            "Third attempt at {food} this week. The neighbours have started to avoid the stairs.",
            "Unpopular opinion: nothing beats {food} from the day before.",
            "Asked {person} for the recipe for {food} and was told \"you do it until it is right\".",
            "I planned {food} and made toast. It was very good toast.",
            "Does anybody have a recipe for {food} that does not begin with a life story?",
            "Nobody warned me how much flour ends up in a keyboard.",
        ],
        media: &[
            "Sunday lunch: {food}, and enough for {day}.",
            "Market in {city} this morning. I only came for onions.",
            "The first loaf that looks like the picture in the book.",
        ],
        milestones: &[
            "One whole year of cooking at home every Sunday. I can make four things now.",
            "Served {food} to twelve people today and nobody left hungry.",
        ],
    },
    Topic {
        hashtags: &["books", "amreading", "library"],
        thoughts: &[
            "Finished {book} at two in the morning. I have a meeting at eight. Worth it.",
            "{book} has been on my shelf for nine years. Today I opened it, and now I am cross with those nine years.",
            "Lent {book} to {person}. Goodbye, {book}.",
            "Is it allowed to stop reading {book} half-way? Asking for somebody who already has.",
            "The library had {book}, with notes in the margin by somebody who disagrees with all of it. Perfect.",
            "Every time I reread {book} it is about something else.",
        ],
        media: &[
            "The pile for the summer. {book} is at the bottom, for balance.",
            "Found this copy of {book} in a box in {city}.",
        ],
        milestones: &[
            "Book number 50 this year, and it was {book}.",
            "My translation is done. 412 pages. I need a lie-down.",
        ],
    },
    Topic {
        hashtags: &["running", "training", "outdoors"],
        thoughts: &[
            "Ran before breakfast. I will mention it all day.",
            "The hill is not getting lower, whatever they say about training.",
            "Rain, wind, one shoe full of mud. Would do it again {day}.",
            "My knees would like to speak to whoever signed me up for {city}.",
            "Somebody with a pram overtook me today. I said it was my slow day.",
        ],
        media: &[
            "The lake at six in the morning. Nobody there but two swans and me.",
            "Somewhere above {city}, legs gone, view fine.",
        ],
        milestones: &[
            "First ten kilometres without stopping. Slow, but all of them.",
            "Signed up for the marathon in {city}. It is in writing now.",
            "Half marathon in {city}: 2:04:31, and I overtook a man dressed as a banana.",
        ],
    },
    Topic {
        hashtags: &["work", "remote", "mondays"],
        thoughts: &[
            "A meeting about how many meetings we have. It ran over.",
            "Deleted 400 lines today. Best work in weeks.",
            "{person} explained my own job to me today, and honestly I learned something.",
            "Today's achievement: I read the manual. All of it.",
            "If it is urgent, why does the mail have an attachment called final_v7_really?",
            "Took a walk instead of answering. The problem was solved when I came back, by somebody else.",
        ],
        media: &[
            "The office for today: a bench in {city}.",
            "Whiteboard after a long afternoon. It made sense when we drew it.",
        ],
        milestones: &[
            "Five years at the same desk. The plant has survived too.",
            "New job, starting {day}! Nervous and very happy.",
            "We shipped it. After eleven months, we shipped it.",
        ],
    },
    Topic {
        hashtags: &["travel", "nighttrain", "slowtravel"],
        thoughts: &[
            "Booked a train to {city} on a whim. The whim takes nineteen hours.",
            "In {city} for a day. Where does one go for {food}?",
            "My suitcase is in {city}. I am not.",
            "The best part of {city} was getting lost on the way to the best part of {city}.",
            "Learned to say \"one more, please\" in the language of {city}. That will do.",
        ],
        media: &[
            "{city} from the window of the night train.",
            "Blue doors of {city}, part four of many.",
        ],
        milestones: &[
            "Country number thirty, and still no idea how to pack.",
            "From {city} to {city} without a plane. Took four days.",
        ],
    },
    Topic {
        hashtags: &["garden", "balcony", "growyourown"],
        thoughts: &[
            "The tomatoes are winning against me and I am fine with it.",
            "Something is eating the basil, and it has taste.",
            "Bought one plant. It was lonely. Now there are eleven.",
            "{person} gave me a cutting in a jam jar. It has outgrown the kitchen.",
            "Spent the morning moving a pot thirty centimetres to the left. Much better.",
        ],
        media: &[
            "First strawberry of the year. There was one. I shared it with nobody.",
            "Before and after, the balcony edition.",
        ],
        milestones: &[
            "The lemon tree has a lemon. Seven years. A lemon.",
            "No plants died this winter. A first.",
        ],
    },
    Topic {
        hashtags: &["music", "nowplaying", "choir"],
        thoughts: &[
            "Our choir is learning a piece with eleven beats to the bar. We have a dentist who can do it, and the rest of us.",
            "There is a man practising the same four bars across the yard. I know them all now. I would fix the third.",
            "Had a song in my head since Tuesday and only the middle of it.",
            "Went to a concert with {person} and we both cried at the bassoon.",
            "Buying a cello at forty is cheaper than therapy, but only at first.",
        ],
        media: &[
            "Thirty seconds of rehearsal, before it fell apart.",
            "Tonight's stage in {city}. It is a bakery by day.",
        ],
        milestones: &[
            "Played in front of people for the first time. My hands shook, the people were kind.",
            "Our little band has a concert: {city}, {day}. There will be eight of us, counting the audience.",
        ],
    },
    Topic {
        hashtags: &["photography", "citylife", "goldenhour"],
        thoughts: &[
            "Carried the camera all day and took one photograph, of my own thumb.",
            "The light in {city} this week makes every bin look like a painting.",
            "Found a film from 2009 in a drawer. Who are these people, and why am I one of them?",
            "Best lens I own is still \"walk closer\".",
        ],
        media: &[
            "{city}, ten minutes before the storm.",
            "Shadow of a bicycle, {city}.",
            "{person}, who said \"no pictures\" and then smiled.",
            "Fog. That is the whole picture. I love it.",
        ],
        milestones: &[
            "My photographs hang on a wall that is not mine: from {day} on, in a café in {city}.",
            "Picture of the day, number 1,000.",
        ],
    },
    Topic {
        hashtags: &["home", "diy", "repair"],
        thoughts: &[
            "The shelf is level. The wall is not. We have agreed not to talk about it.",
            "Fixed the washing machine with a video, a spoon and {person} on the telephone.",
            "Why do all flats have one drawer that holds eleven batteries and none that work?",
            "Painted the kitchen yellow. It is very yellow.",
            "The repair café in {city} mended my lamp and would only take cake for it.",
        ],
        media: &[
            "Before, during, and why did I start this.",
            "The chair from the street, three weekends later.",
        ],
        milestones: &[
            "The keys are ours! Boxes everywhere, one chair, {food} from a pan on the floor.",
            "It took two years, but the bathroom has a door.",
        ],
    },
    Topic {
        hashtags: &["science", "curious", "today_i_learned"],
        thoughts: &[
            "Octopuses have three hearts and I cannot find my keys.",
            "Explained tides to a class of nine-year-olds. One of them explained them back, better.",
            "Spent a day looking for a bug in the analysis. It was a time zone. It is always a time zone.",
            "The museum in {city} has a room with nothing but clocks that are wrong. I could have stayed for hours.",
            "Today I learned why the sky over {city} is so dark, and then lay on a wall and looked at it.",
        ],
        media: &[
            "Pollen at 400 times its size. The grey one looks like a football.",
            "Frost on the bicycle saddle. Nature has opinions about my commute.",
        ],
        milestones: &[
            "My thesis is handed in. Four years, 231 pages, one typing error on the first of them.",
            "Our first paper is out! Thank you, reviewer two, I suppose.",
        ],
    },
];

/// Said behind a post, now and then.
pub(in crate::seed) const TAILS: [&str; 16] = [
    "That was my week.",
    "More {day}, I promise.",
    "No regrets.",
    "Thoughts?",
    "Send help.",
    "Or tea.",
    "I am told this is normal.",
    "Anyway, how are you all?",
    "It made my day.",
    "You had to be there.",
    "And it is not even Friday.",
    "Pictures follow.",
    "Ten out of ten.",
    "Still smiling.",
    "I have been talking about it since.",
    "Next stop: {city}.",
];

/// Said behind a post to somebody.
pub(in crate::seed) const MENTIONS: [&str; 10] = [
    "Thank you, @{who}.",
    "@{who} was right all along.",
    "You would have loved it, @{who}!",
    "Next time with @{who}, please.",
    "(cc @{who})",
    "Blame @{who}.",
    "@{who}, this one is for you.",
    "Who told me so? @{who} told me so.",
    "Are you in, @{who}?",
    "With @{who}, as ever.",
];

/// Replies. Several of them make sense under anything.
pub(in crate::seed) const REPLIES: [&str; 53] = [
    "This made me laugh out loud on the tram.",
    "Same here, every single time.",
    "Wait, you never told me this!",
    "I needed this today, thank you.",
    "Can confirm.",
    "How long did it take you?",
    "Asking the important questions.",
    "I would read a whole book about this.",
    "Strong disagree, but I like you anyway.",
    "Congratulations!",
    "So happy for you!",
    "And then? Do not leave us hanging.",
    "You are braver than I am.",
    "My week in one post.",
    "I sent this to {person}.",
    "We should do that together, {day}?",
    "Next time you are in {city}, bring some.",
    "That is the spirit.",
    "Hard to beat that.",
    "Oh no. Oh no, no.",
    "I tried that once. Once.",
    "Where was this?",
    "Ha! I was there.",
    "Tell me everything.",
    "It gets better, I promise.",
    "It does not get better, but you get used to it.",
    "This is the way.",
    "I have so many questions.",
    "You make it look easy.",
    "No, but seriously: how?",
    "Pictures or it did not happen.",
    "Somebody had to say it.",
    "Well, now I want {food}.",
    "Adding this to my list.",
    "Reminds me of {book}.",
    "I can hear you say it.",
    "Good luck! Fingers crossed.",
    "That is exactly what {person} said.",
    "Beautiful.",
    "The last bit is my favourite.",
    "Hugs.",
    "Let me know if you need a hand.",
    "I have the same one! In green.",
    "Hot take, and I am here for it.",
    "You are not alone with this.",
    "Do you still have the recipe?",
    "I have been to {city} twice and missed that both times.",
    "Saved for a bad day.",
    "This deserves more likes.",
    "Counterpoint: naps.",
    "Is there room for one more?",
    "Proud of you.",
    "Me, but with {food}.",
];
