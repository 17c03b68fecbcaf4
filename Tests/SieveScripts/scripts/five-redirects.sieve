redirect "1@a.example"; redirect "2@a.example"; redirect "3@a.example"; redirect "4@a.example"; redirect "5@a.example";
