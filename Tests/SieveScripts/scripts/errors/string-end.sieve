keep;
redirect "a@b.example;
keep;
