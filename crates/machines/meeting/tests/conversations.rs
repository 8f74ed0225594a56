//! Every file of `tests/conversations` is played against the machine.

mod script;

macro_rules! conversations {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let file = concat!(stringify!($name), ".txt");
                script::run(file, include_str!(concat!("conversations/", stringify!($name), ".txt")));
            }
        )*

        #[test]
        fn none_is_forgotten() {
            let known = [$(concat!(stringify!($name), ".txt")),*];
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conversations");
            for file in std::fs::read_dir(folder).unwrap() {
                let file = file.unwrap().file_name();
                assert!(known.iter().any(|known| file == *known), "{file:?} is not in the list");
            }
        }
    };
}

conversations! {
    bad_input chat conference_request destroy disco foreign_previd goodbye hibernation history iq_routing join join_refused
    kick leave lost_owner misaddressed owner_change password presence private_messages resume resume_refused roles
    services stream subject wrong_clock
}
