if size :over 18446744073709551616 { stop; }
if size :over 17179869184G { stop; }
a_word_that_is_longer_than_32_letters "x";
if header :a_tag_that_is_longer_than_32_letters "x" "y" { stop; }
if size :under 10x { stop; }
keep $;
# This one is well-formed, and its name is not looked at any more.
nonsense;
